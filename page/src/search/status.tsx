// How a search stands, in a sign and a word.
import type { SearchStatus } from "../api";
import { StatusWord } from "../parts/status";

export const SearchWord = ({ status }: { status: SearchStatus }) => <StatusWord status={status === "budget" ? "stopped" : status} />;
