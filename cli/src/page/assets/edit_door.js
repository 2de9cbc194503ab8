// Opens the patch's text beside the graph. The editor is loaded when it is opened first.

export class EditDoor {
  /** `studio` is what the page has: link, graph, tab. */
  constructor(studio) {
    this.studio = studio;
    this.button = document.getElementById("edit");
    this.tab = document.querySelector('#tabs [data-tab="edit"]');
    this.plus = document.getElementById("add");
    this.panel = document.getElementById("editor");
    this.editor = null;
    this.last = {};
    this.button.onclick = () => this.toggle();
    this.tab.addEventListener("click", () => this.open());
    this.relock();
  }

  get isOpen() {
    return document.body.classList.contains("editing");
  }

  /** The right or the connection is another. */
  relock() {
    const { link } = this.studio;
    const may = link.right === "edit";
    this.button.hidden = !may;
    this.tab.hidden = !may;
    this.plus.hidden = !may;
    if (!may && this.isOpen && link.state === "live") this.close();
    this.editor?.relock();
  }

  toggle() {
    if (this.isOpen) this.close();
    else this.open();
  }

  async open() {
    document.body.classList.add("editing");
    this.button.setAttribute("aria-pressed", "true");
    this.panel.hidden = false;
    this.studio.graph.fit();
    this.loading ??= this.load();
    await this.loading;
    // It may have been closed meanwhile.
    if (!this.isOpen) return;
    this.editor?.resume();
    // What was chosen before stays chosen.
    const { selected } = this.studio.graph;
    if (this.editor && this.editor.chosen !== selected) this.editor.pick(selected);
  }

  /** Asks for a node to add. */
  async add() {
    if (!this.isOpen || !this.editor) await this.open();
    if (this.isOpen) this.editor?.add();
  }

  async load() {
    this.panel.textContent = "Loading the editor…";
    try {
      const { Editor } = await import("./edit.js");
      this.panel.replaceChildren();
      const editor = new Editor(this.panel, { ...this.studio, leave: () => this.close() });
      await editor.start();
      this.editor = editor;
      for (const message of Object.values(this.last)) editor.hear(message);
    } catch (error) {
      this.loading = null;
      this.panel.textContent = `The editor cannot be opened: ${error.message}`;
    }
  }

  close() {
    document.body.classList.remove("editing");
    this.button.setAttribute("aria-pressed", "false");
    this.panel.hidden = true;
    if (document.body.dataset.tab === "edit") this.studio.tab("watch");
    this.editor?.rest();
    this.studio.graph.fit();
  }

  /** What the run says. */
  hear(message) {
    for (const part of ["plan", "status"]) if (message[part]) this.last[part] = { [part]: message[part] };
    this.editor?.hear(message);
  }

  /** A node was chosen in the graph. */
  pick(id) {
    if (this.isOpen) this.editor?.pick(id);
  }
}
