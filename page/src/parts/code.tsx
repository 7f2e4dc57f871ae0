// Code to copy.
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../texts";
import "./parts.css";

export function Code({ text, name }: { text: string; name?: string }) {
  const body = useRef<HTMLElement>(null);
  const [state, setState] = useState<"" | "copied" | "selected">("");
  useEffect(() => {
    if (!state) return;
    const timer = setTimeout(() => setState(""), 2500);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setState("copied");
    } catch { // not allowed here: the text is selected, so that the keyboard's own copy takes it
      getSelection()!.selectAllChildren(body.current!);
      setState("selected");
    }
  };
  return (
    <figure class="p-code">
      <figcaption>
        <span>{name}</span>
        <span class="quiet small" role="status">{state && t(`page.${state}`)}</span>
        <button class="plain" onClick={copy} aria-label={name ? `${t("page.copy")}: ${name}` : undefined}>{t("page.copy")}</button>
      </figcaption>
      <pre tabIndex={0}><code ref={body}>{text}</code></pre>
    </figure>
  );
}
