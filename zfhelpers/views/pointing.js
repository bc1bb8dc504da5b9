// The picture of a PointedPicture. While a place that was sent is not answered yet, only the last one after it is kept.
const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
const PATIENCE = 400; // ms; a place that changes nothing is not answered

function render({ model, el }) {
  const frame = document.createElement("div");
  frame.className = "zf-pointed";
  frame.tabIndex = 0;
  frame.setAttribute("role", "group");
  frame.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take the arrow keys for moving between cells
  el.append(frame);
  let image = null, waiting = 0, kept = null, count = 0;

  function send(name, first, second) {
    model.set(name, [first, second, ++count]);
    model.save_changes();
  }
  function point(x, y) {
    if (waiting) { kept = [x, y]; return; }
    waiting = setTimeout(answered, PATIENCE);
    send("place", x, y);
  }
  function answered() {
    clearTimeout(waiting);
    waiting = 0;
    if (kept) { const [x, y] = kept; kept = null; point(x, y); }
  }
  function show() {
    const drawn = new DOMParser().parseFromString(model.get("value"), "text/html").querySelector("img");
    if (!drawn) return;
    if (image) { image.src = drawn.src; image.alt = drawn.alt; }
    else { image = drawn; image.draggable = false; frame.append(image); }
    if (waiting) answered();
  }
  function name() {
    frame.title = model.get("hint");
    frame.setAttribute("aria-label", model.get("hint"));
  }
  function pointed(event) {
    const box = image.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * image.naturalWidth;
    const y = (event.clientY - box.top) / box.height * image.naturalHeight;
    point(x, y);
  }

  frame.addEventListener("pointerdown", (event) => {
    if (event.button || !image) return;
    frame.focus({ preventScroll: true });
    frame.setPointerCapture(event.pointerId);
    pointed(event);
    event.preventDefault();
  });
  frame.addEventListener("pointermove", (event) => {
    if (frame.hasPointerCapture(event.pointerId)) pointed(event);
  });
  frame.addEventListener("keydown", (event) => {
    const step = ARROWS[event.key];
    if (!step || event.ctrlKey || event.altKey || event.metaKey) return;
    send("step", ...step);
    event.preventDefault();
    event.stopPropagation();
  });
  model.on("change:value", show);
  model.on("change:hint", name);
  show();
  name();
}
export default { render };
