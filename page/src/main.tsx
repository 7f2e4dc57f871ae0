import "@fontsource-variable/source-sans-3/wght.css";
import "@fontsource-variable/source-code-pro/wght.css";
import "./style.css";
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { go, place } from "./route";
import { SearchPage } from "./search";
import { choose, lang, preferred, t } from "./texts";
import { Compare } from "./views/compare";
import { Create } from "./views/create";
import { Home } from "./views/home";
import { RunPage } from "./views/run";

type Theme = "auto" | "light" | "dark";
const THEMES: Theme[] = ["auto", "light", "dark"];

function View() {
  const { path, query } = place.value;
  switch (path[0]) {
    case "new": return <Create from={query.get("from")} />;
    case "run": return <RunPage id={path[1]} tab={path[2] ?? "learn"} key={path[1]} />;
    case "search": return <SearchPage id={path[1]} key={path[1]} />;
    case "compare": return <Compare ids={path.slice(1)} />;
    default: return <Home />;
  }
}

function Page() {
  const [theme, setTheme] = useState<Theme>((localStorage.getItem("theme") as Theme) ?? "auto");
  useEffect(() => {
    localStorage.setItem("theme", theme);
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    dispatchEvent(new Event("theme")); // canvases draw themselves anew
  }, [theme]);
  const other = lang.value === "es" ? "en" : "es";
  return (
    <>
      <header class="bar">
        <a class="brand" href="#/">tiza</a>
        <span class="space" />
        <button class="plain" onClick={() => go("new")}>{t("page.new")}</button>
        <button class="plain" lang={other} onClick={() => choose(other)}>{other === "es" ? "Español" : "English"}</button>
        <button class="plain" onClick={() => setTheme(THEMES[(THEMES.indexOf(theme) + 1) % 3])}>{t(`page.theme.${theme}`)}</button>
      </header>
      <main><View /></main>
    </>
  );
}

choose(preferred()).then(() => render(<Page />, document.getElementById("page")!));
