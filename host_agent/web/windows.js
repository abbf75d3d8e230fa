// The list of this PC's windows.
import { ask, element, STATES } from "./words.js";

const POLL_MS = 2000;

function entry(item) {
  const usable = item.condition === "ready" || item.condition === "paused";
  const link = element("a", undefined, "card");
  link.href = `/clerk/${encodeURIComponent(item.window)}`;
  const name = element("strong", item.name);
  name.append(element("span", usable ? "已连接" : "未就绪", `chip ${usable ? "good" : "bad"}`));
  const clerk = item.clerk ? [item.clerk.name, item.clerk.number].filter(Boolean).join(" · ") : "未登录";
  link.append(name, element("span", clerk), element("span", item.connected ? STATES[item.state] || "" : "评价器未连接"));
  const row = element("li");
  row.append(link);
  return row;
}

(async function poll() {
  try {
    const { items } = await ask("GET", "/api/v1/windows");
    document.getElementById("windows").replaceChildren(...items.map(entry));
    document.getElementById("agent-lost").hidden = true;
  } catch {
    document.getElementById("agent-lost").hidden = false;
  }
  setTimeout(poll, POLL_MS);
})();
