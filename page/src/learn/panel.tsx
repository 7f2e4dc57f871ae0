// The frame of a panel: its title, a note at the right, the drawing, and the same in words for those who don't see it.
import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { write } from "./paint";

interface Props {
  name: string; title: string; say: () => string;
  note?: RefObject<HTMLElement>; // written by the panel's painter; under the title, or beside it where the head is plain
  aside?: ComponentChildren; plain?: boolean; children: ComponentChildren;
}

export function Panel({ name, title, say, note, aside, plain, children }: Props) {
  return (
    <section class={`l-panel l-${name}`} data-plain={plain} aria-label={title}>
      <header class="l-head">
        <h2>{title}</h2>
        {aside}
        {note && <span class="l-note number" ref={note} />}
      </header>
      {children}
      <Summary say={say} />
    </section>
  );
}

/** A sentence that follows what is drawn, at most once a second. */
function Summary({ say }: { say: () => string }) {
  const host = useRef<HTMLParagraphElement>(null), latest = useRef(say);
  latest.current = say;
  useEffect(() => {
    const tell = () => { if (!document.hidden) write(host.current, latest.current()); };
    tell();
    const timer = setInterval(tell, 1000);
    return () => clearInterval(timer);
  }, []);
  return <p class="unseen" ref={host} />;
}
