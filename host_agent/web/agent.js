// How the pages talk to the agent of this PC: requests, and the news of one window.

const POLL_MS = 1000; // while there is no stream
const LOOK_MS = 30000; // beside a stream: what time alone changes, such as a new day
const AGAIN_MS = 2000;
const ANSWER_MS = 8000; // an order may wait for the terminal

async function once(method, path, body) {
  const options = { method, headers: {}, signal: AbortSignal.timeout(ANSWER_MS) };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const answer = await fetch(path, options);
  const value = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(value.error.message), value.error);
  return value;
}

// Ask the agent; throws what it refuses, with `code`. An agent that has started anew first gives this page a new cookie.
export async function ask(method, path, body) {
  try {
    return await once(method, path, body);
  } catch (error) {
    if (error.code !== "no_token") throw error;
    await fetch("/status", { signal: AbortSignal.timeout(ANSWER_MS) });
    return once(method, path, body);
  }
}

// Follow a window: by the stream, and by asking while there is none. `show` gets each view, `lost` each failure.
export class Follower {
  constructor(window, show, lost) {
    Object.assign(this, { show, lost, path: `/api/v1/windows/${encodeURIComponent(window)}`, live: false, asked: 0, told: 0 });
    this.stream = `${location.origin.replace(/^http/, "ws")}/api/v1/stream?window=${encodeURIComponent(window)}`;
    this.listen();
    this.tick();
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.refresh(); });
  }

  async refresh() {
    this.asked = Date.now();
    const { told } = this;
    try {
      const { hotkey, ...view } = await ask("GET", this.path);
      this.show(this.told === told ? { hotkey, ...view } : { hotkey }); // what the stream told meanwhile is newer
    } catch (error) {
      this.lost(error);
    }
  }

  async tick() {
    if (!this.live || Date.now() - this.asked >= LOOK_MS) await this.refresh();
    setTimeout(() => this.tick(), POLL_MS);
  }

  listen() {
    const socket = new WebSocket(this.stream);
    socket.onmessage = (message) => {
      this.told += 1;
      this.live = true; // not before: an agent that does not know this page's cookie yet opens it and says nothing
      this.show(JSON.parse(message.data));
    };
    socket.onclose = () => {
      if (this.live) this.refresh();
      this.live = false;
      setTimeout(() => this.listen(), AGAIN_MS);
    };
  }
}
