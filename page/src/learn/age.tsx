// How old the answers of the validation board are: in seconds while training runs, else their step.
import { useEffect, useRef } from "preact/hooks";
import { decimal, t, whole } from "../texts";
import { write } from "./paint";
import type { Past } from "./store";

export function Age({ past }: { past: Past }) {
  const host = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const tell = () => {
      if (document.hidden) return;
      const frame = past.answers.at(past.cursor.value);
      const live = past.cursor.value === null && past.now.value.status === "running";
      const old = frame ? Math.max(0, Date.now() / 1000 - frame.time) : 0;
      write(host.current, !frame ? "" : live && old < 600
        ? t("page.learn.age", { seconds: decimal(old, old < 10 ? 1 : 0) })
        : t("page.learn.age.step", { step: whole(frame.step) }));
    };
    tell();
    const timer = setInterval(tell, 200);
    return () => clearInterval(timer);
  }, [past]);
  return <span class="l-age quiet number" ref={host} />;
}
