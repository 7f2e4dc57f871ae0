// What went wrong, in one sentence; and the quiet word while something is awaited.
import type { Failure } from "../api";
import { t } from "../texts";
import "./parts.css";

/** The server's sentences begin small, as a terminal prints them after its "error:". */
export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

export const sentence = (failure: Failure): string =>
  failure.code === "server-gone" ? t("page.gone") : capital(failure.message) || t("page.unknown", { code: failure.code });

export const Failed = ({ failure }: { failure: Failure }) => <p class="notice" role="alert">{sentence(failure)}</p>;

export const Loading = ({ children }: { children?: string }) => <p class="p-loading quiet" role="status">{children ?? t("page.loading")}</p>;
