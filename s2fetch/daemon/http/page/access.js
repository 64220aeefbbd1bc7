// The token: asked for once, kept by this tab until it is closed, sent with every request.

import { byId, text } from "./dom.js";

const KEY = "s2fetch-token";

export const headers = () => {
  const token = sessionStorage.getItem(KEY);
  return token ? { Authorization: `Bearer ${token}` } : {};
};

export class Refusal extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

export async function ask(path, { method = "GET", token = null } = {}) {
  const given = token === null ? headers() : { Authorization: `Bearer ${token}` };
  const answer = await fetch(path, { method, headers: given, cache: "no-store" });
  if (answer.ok) return answer.json();
  const problem = await answer.json().catch(() => ({}));
  throw new Refusal(answer.status, problem.detail ?? `The daemon answered with ${answer.status}`);
}

// Shows the dialog when it has to, and tells `onChange` what may be done and whether the token is
// another one.
export class Access {
  constructor(onChange) {
    this.onChange = onChange;
    this.changes = false;
    this.unread = false; // whether nothing may even be read without a token
    this.button = byId("lock");
    this.dialog = byId("unlock");
    this.button.addEventListener("click", () => (this.changes ? this.forget() : this.open()));
    byId("unlock-cancel").addEventListener("click", () => this.dialog.close());
    byId("unlock-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.use(byId("token").value.trim());
    });
  }

  async look() {
    try {
      this.show(await ask("/api/v1/access"), { renewed: false });
    } catch (error) {
      if (error.status !== 401) throw error;
      sessionStorage.removeItem(KEY);
      this.unread = true;
      this.show({ changes: false, token: true }, { renewed: false });
      this.open();
    }
  }

  open() {
    if (this.dialog.open) return;
    text(byId("unlock-error"), "");
    byId("token").value = "";
    this.dialog.showModal();
  }

  async use(token) {
    try {
      const found = await ask("/api/v1/access", { token });
      if (!found.changes && !this.unread) {
        text(byId("unlock-error"), "This token may read everything and change nothing.");
        return;
      }
      sessionStorage.setItem(KEY, token);
      this.unread = false;
      this.dialog.close();
      this.show(found, { renewed: true });
    } catch (error) {
      text(byId("unlock-error"), error.status === 401 ? "This is not the daemon’s token." : error.message);
    }
  }

  // Where nothing may be read without the token, the stream's end has it asked for again.
  forget() {
    sessionStorage.removeItem(KEY);
    this.show({ changes: false, token: true }, { renewed: true });
  }

  show({ changes, token }, { renewed }) {
    this.changes = changes;
    this.button.hidden = !token;
    text(this.button, changes ? "Lock controls" : "Unlock controls");
    this.onChange(changes, renewed);
  }
}
