// One window of the Yiping agent, for a page whose origin stands in `origins` of its [[integration]]. Needs no library.
//   const w = new YipingWindow("http://127.0.0.1:8471", token, "W01", (view) => show(view.state, view.invite));
//   await w.login({ number: "007", name: "张三" });
//   const invite = await w.invite({ id: "P-2026-77-1", project_no: "P-2026-77", service_no: 1 });
//   const { state } = await w.outcome(invite); // rated, timed_out, declined, cancelled, interrupted: never a level
// A refusal has a `code`; an error without one is the network's, or the browser's permission (docs/browser.md).
export class YipingWindow {
  constructor(address, token, window, changed = () => {}) {
    Object.assign(this, { address, token, window, changed, waiting: new Map(), closed: false });
    this.listen();
  }
  login(clerk) { return this.call("POST", "/login", clerk); }
  logout() { return this.call("POST", "/logout", {}); }
  serve(ticket) { return this.call("POST", "/serve", { ticket }); }
  pause(paused) { return this.call("POST", "/pause", { paused }); }
  invite(service = {}) { return this.call("POST", "/invites", service); }
  cancel(invite) { return this.call("DELETE", `/invites/${invite.invite}`); }
  close() { this.closed = true; this.socket.close(); }

  outcome({ invite }) { // through lost connections and restarts of the agent too
    const ended = new Promise((done, failed) => this.waiting.set(invite, { done, failed }));
    this.ask(invite); // it may have ended before we listened
    return ended;
  }

  async call(method, path, body) {
    const headers = { Authorization: `Bearer ${this.token}`, "Content-Type": "application/json" };
    const url = `${this.address}/api/v1/windows/${encodeURIComponent(this.window)}${path}`;
    const answer = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
    const value = await answer.json();
    if (!answer.ok) throw Object.assign(new Error(value.error.message), value.error);
    return value;
  }

  listen() {
    const query = `?window=${encodeURIComponent(this.window)}`;
    this.socket = new WebSocket(`${this.address.replace(/^http/, "ws")}/api/v1/stream${query}`);
    this.socket.onopen = () => {
      this.socket.send(JSON.stringify({ token: this.token }));
      for (const invite of this.waiting.keys()) this.ask(invite);
    };
    this.socket.onmessage = (message) => {
      const view = JSON.parse(message.data);
      this.changed(view);
      if (view.invite) this.settle(view.invite);
    };
    this.socket.onclose = () => { if (!this.closed) setTimeout(() => this.listen(), 1000); };
  }

  ask(invite) { // without an answer the stream asks again once it is back
    const refused = (error) => error.code && this.waiting.get(invite)?.failed(error);
    return this.call("GET", `/invites/${invite}`).then((found) => this.settle(found), refused);
  }

  settle(invite) {
    if (["pending", "open"].includes(invite.state)) return;
    this.waiting.get(invite.invite)?.done(invite);
    this.waiting.delete(invite.invite);
  }
}
