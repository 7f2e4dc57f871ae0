// What one can tell a training: pause, go on, step by step, in slow motion, with another rate; stop; and start again.
import { useState } from "preact/hooks";
import * as api from "../api";
import { t } from "../texts";
import { Tune } from "./tune";
import { type Past, alive } from "./store";

const PACES = [0, 0.1, 0.5, 2]; // seconds an update at least takes

/** Sends commands in turn; `fault` says why one was not taken. */
export function useCommands(id: string) {
  const [fault, setFault] = useState("");
  const tell = async (...commands: api.Command[]) => {
    setFault("");
    try {
      for (const command of commands) await api.control(id, command);
    } catch (error) {
      setFault((error as Error).message || t("page.learn.unsent"));
    }
  };
  return { tell, fault };
}

export function Controls({ past, id }: { past: Past; id: string }) {
  const { tell, fault } = useCommands(id);
  const [more, setMore] = useState(false); // on a phone the rest is folded away
  const now = past.now.value, paused = now.status === "paused", living = alive(now.status), able = living && now.status !== "starting";
  const step = (command: api.Command) => tell(...(paused ? [command] : [{ command: "pause" } as const, command]));
  return (
    <div class="l-controls" data-more={more}>
      {living && (
        <div class="l-buttons">
          <button class="main l-wide" disabled={!able} onClick={() => tell({ command: paused ? "resume" : "pause" })}>
            {t(paused ? "page.learn.go-on" : "page.learn.pause")}
          </button>
          <button disabled={!able} onClick={() => step({ command: "step" })}>{t("page.learn.one-step")}</button>
          <button disabled={!able} onClick={() => step({ command: "step", epoch: true })}>{t("page.learn.one-epoch")}</button>
          <button class="plain l-only-phone" aria-expanded={more} onClick={() => setMore(!more)}>{t(more ? "page.learn.less" : "page.learn.more")}</button>
        </div>
      )}
      {fault && <p class="fault" role="alert">{fault}</p>}
      <div class="l-rest" data-living={living}>
        {living && (
          <>
            <label class="l-field">
              <span>{t("page.learn.pace")}</span>
              <select disabled={!able} value={String(nearest(now.pace))}
                onChange={(event) => tell({ command: "pace", seconds: Number(event.currentTarget.value) })}>
                {PACES.map((pace) => <option key={pace} value={String(pace)}>{t(`page.learn.pace.${String(pace).replace(".", "-")}`)}</option>)}
              </select>
            </label>
            <Tune name="lr" value={now.base} current={now.lr} setAt={now.setAt.lr} able={able} tell={tell} />
            <Tune name="weight_decay" value={now.decay} current={null} setAt={now.setAt.decay} able={able} tell={tell} />
            <Stop able={living} tell={tell} />
          </>
        )}
        <a class="l-again" href={`#/new?from=${id}`}>{t("page.learn.again")}</a>
      </div>
    </div>
  );
}

const nearest = (pace: number): number => PACES.reduce((best, one) => (Math.abs(one - pace) < Math.abs(best - pace) ? one : best));

/** Stopping can't be undone, so it asks, in the same place. */
function Stop({ able, tell }: { able: boolean; tell: (command: api.Command) => void }) {
  const [asking, ask] = useState(false), [told, setTold] = useState(false);
  if (!asking) {
    return (
      <div class="l-stop"><button disabled={!able || told} onClick={() => ask(true)}>{t(told ? "page.learn.stopping" : "page.learn.stop")}</button></div>
    );
  }
  const stop = () => { tell({ command: "stop" }); setTold(true); ask(false); };
  return (
    <div class="l-stop" role="group" aria-label={t("page.learn.stop")}>
      <p class="small">{t("page.learn.stop.sure")}</p>
      <button class="l-danger" ref={(button) => button?.focus()} onClick={stop}>{t("page.learn.stop")}</button>
      <button onClick={() => ask(false)}>{t("page.learn.stop.no")}</button>
    </div>
  );
}
