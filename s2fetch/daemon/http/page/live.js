// Following the daemon. EventSource cannot send a token, so the stream is read with fetch; it comes
// back by itself, goes on after the last event it has, and lets go while nobody looks.

const SILENCE = 45_000;
const PATIENCE = [1000, 2000, 4000, 8000, 15_000];

export class Live {
  constructor({ headers, onMessage, onState }) {
    this.headers = headers;
    this.onMessage = onMessage;
    this.onState = onState;
    this.lastId = "";
    this.failures = 0;
    this.running = null;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.stop() : this.start()));
  }

  start() {
    if (this.running || document.hidden) return;
    this.running = new AbortController();
    this.follow(this.running);
  }

  stop() {
    this.running?.abort();
    this.running = null;
  }

  restart() {
    this.stop();
    this.start();
  }

  async follow(controller) {
    while (!controller.signal.aborted) {
      this.onState("connecting");
      let status = 0;
      try {
        status = await this.once(controller);
      } catch (error) {
        if (controller.signal.aborted) return;
      }
      if (controller.signal.aborted) return;
      if (status === 401) {
        this.running = null;
        this.onState("locked");
        return;
      }
      this.onState("lost", status);
      const wait = PATIENCE[Math.min(this.failures, PATIENCE.length - 1)] * (0.75 + Math.random() / 2);
      this.failures += 1;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  async once(controller) {
    const attempt = new AbortController();
    const give = () => attempt.abort();
    controller.signal.addEventListener("abort", give);
    let timer = setTimeout(give, SILENCE);
    try {
      const headers = { ...this.headers(), Accept: "text/event-stream" };
      if (this.lastId) headers["Last-Event-ID"] = this.lastId;
      const answer = await fetch("/api/v1/events", { headers, signal: attempt.signal, cache: "no-store" });
      if (!answer.ok) return answer.status;
      this.onState("live");
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return 200;
        clearTimeout(timer);
        timer = setTimeout(give, SILENCE);
        this.failures = 0;
        const parts = (rest + value).split("\n\n");
        rest = parts.pop();
        parts.forEach((part) => this.take(part));
      }
    } finally {
      clearTimeout(timer);
      controller.signal.removeEventListener("abort", give);
    }
  }

  take(part) {
    let name = "message";
    let data = "";
    for (const line of part.split("\n")) {
      if (line.startsWith("id: ")) this.lastId = line.slice(4);
      else if (line.startsWith("event: ")) name = line.slice(7);
      else if (line.startsWith("data: ")) data += line.slice(6);
    }
    if (data) this.onMessage(name, JSON.parse(data));
  }
}
