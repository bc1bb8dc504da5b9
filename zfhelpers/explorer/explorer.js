// The page of the explorer. Commands go to Python one at a time; of moves that come faster than answers only the last is kept.
const LATEST = new Set(["square", "unit", "side"]);
const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
const PART = 2 ** 20; // bytes of an uploaded file that go in one message
const FIELDS = ["field of the first network", "field of the second network"];

function make(tag, properties = {}, ...children) {
  const { role, label, ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  if (role) made.setAttribute("role", role);
  if (label) made.setAttribute("aria-label", label);
  made.append(...children);
  return made;
}
const short = (value) => (value === 0 ? "0" : Number(value.toPrecision(3)).toString());
const percent = (share) => `${100 * share}%`;

function render({ model, el }) {
  const view = Math.random().toString(36).slice(2);
  const queue = [], pictures = new Map();
  let count = 0, fields = 0, waiting = "", slow = 0, menus = null, state = null, pointer = "unit", panes = [];

  // ------------------------------------------------------------------------------------------------------ commands
  function ask(command, buffers = []) {
    if (LATEST.has(command.do) && queue.at(-1)?.command.do === command.do) queue.pop();
    queue.push({ command, buffers });
    next();
  }
  function next() {
    if (waiting || !queue.length) return;
    const { command, buffers } = queue.shift();
    waiting = `${view} ${++count}`;
    slow = setTimeout(() => root.classList.add("zf-busy"), 250);
    model.send({ ...command, asked: waiting }, undefined, buffers);
  }
  function heard(message, buffers) {
    let used = 0;
    for (const name of message.pictures ?? []) keep(name, buffers[used++]);
    for (const name of message.gone ?? []) drop(name);
    if (message.menus) { menus = message.menus; fill(); }
    if (message.state) state = message.state;
    if (message.done === waiting) {
      clearTimeout(slow);
      root.classList.remove("zf-busy");
      waiting = "";
      if (message.file) save(message.file, buffers[used]);
      next();
    }
    if (state && menus) show();
    if (message.message) say(message.message);
  }
  function keep(name, bytes) {
    drop(name);
    const kind = bytes.getUint8(0) === 0x89 ? "image/png" : "image/webp";
    pictures.set(name, URL.createObjectURL(new Blob([bytes], { type: kind })));
  }
  function drop(name) {
    if (pictures.has(name)) URL.revokeObjectURL(pictures.get(name));
    pictures.delete(name);
  }
  function save({ name, type }, bytes) {
    const address = URL.createObjectURL(new Blob([bytes], { type }));
    const link = make("a", { href: address, download: name });
    root.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
    say(`Saved ${name}.`, false);
  }
  function say(text, bad = true) {
    message.textContent = text;
    message.classList.toggle("zf-bad", bad && Boolean(text));
  }

  // ------------------------------------------------------------------------------------------------------ controls
  function field(name, control, hint = "") {
    control.id = `zf-${view}-${++fields}`;
    return make("div", { className: "zf-control", title: hint }, make("label", { htmlFor: control.id, textContent: name }), control);
  }
  function choice(command, key = command, hint = "") {
    return make("select", { title: hint, onchange: (event) => ask({ do: command, [key]: event.target.value }) });
  }
  function options(select, entries) {
    select.replaceChildren(...entries.map(([value, text]) => new Option(text, value)));
  }
  const group = make("select", { onchange: () => ask({ do: "class", name: group.value, number: 0 }) });
  const number = make("input", { type: "number", min: 1, onblur: () => state && show(), onchange: () => ask({ do: "class", name: group.value, number: number.value - 1 }) });
  const file = make("input", { type: "file", accept: "image/*", className: "zf-file", onchange: () => { upload(file.files[0]); file.value = ""; } });
  const path = make("input", { type: "text", placeholder: "~/pictures/dog.jpg", spellcheck: false });
  const typed = make("form", { onsubmit: (event) => { event.preventDefault(); ask({ do: "path", path: path.value }); } },
    field("or the path of one", path), make("button", { type: "submit", textContent: "Open" }));
  const photograph = make("label", { className: "zf-button" }, "Choose a photograph", file);
  const layer = make("select", { onchange: () => ask({ do: "layer", number: Number(layer.value) }) });
  const rule = choice("rule"), overlap = choice("overlap"), scale = choice("scale"), beside = choice("beside", "name");
  const saves = ["picture", "numbers"].map((what) =>
    make("button", { type: "button", textContent: what === "picture" ? "Save picture" : "Save numbers",
      title: what === "picture" ? "all that is shown, as PNG" : "the numbers behind it, as CSV", onclick: () => ask({ do: "save", what }) }));
  const message = make("p", { className: "zf-message", role: "status" });
  const head = make("div", { className: "zf-head" },
    make("div", { className: "zf-row" }, field("image of", group), field("number", number), photograph, typed,
      make("span", { className: "zf-hint", textContent: "or drop one anywhere here" })),
    make("div", { className: "zf-row" }, field("layer", layer),
      field("rule", rule, "what happens to the signal at a ReLU on its way down"),
      field("overlap", overlap, "what happens where pooling windows share a maximum"),
      field("colours of the wall", scale), field("beside it", beside, "a second network"), make("span", { className: "zf-saves" }, ...saves)), message);

  // ------------------------------------------------------------------------------------------------------ the image
  const image = make("img", { draggable: false });
  const square = make("div", { className: "zf-square" }), frames = FIELDS.map((title) => make("div", { className: "zf-field", title }));
  const frame = pointed("zf-image", (x, y) => pointAt(x, y), (across, down) => stepBy(across, down));
  frame.append(image, ...frames, square);
  const modes = [["unit", "look at a unit"], ["square", "move a grey square"]].map(([value, text]) => {
    const button = make("input", { type: "radio", name: `pointer ${view}`, value, checked: value === pointer, onchange: () => point(value) });
    return make("label", {}, button, text);
  });
  const side = make("input", { type: "range", step: 0.01, oninput: () => ask({ do: "side", side: Number(side.value) }) });
  const sideShown = make("output");
  const sideField = field("side of the square", side);
  sideField.append(sideShown);
  const caption = make("p", { className: "zf-caption" });
  const readout = make("p", { className: "zf-readout" });
  readout.setAttribute("aria-live", "polite");
  const said = make("div", { className: "zf-said" });
  const left = make("section", { className: "zf-left", label: "the image and the answers" }, make("div", { className: "zf-picture" }, caption, frame),
    make("div", { className: "zf-asked" }, make("fieldset", {}, make("legend", { textContent: "Click, drag or the arrow keys" }), ...modes), sideField, readout, said));
  const right = make("div", { className: "zf-panes" });
  const root = make("div", { className: "zf-explorer", role: "region", label: "explorer" }, make("div", { className: "zf-inside" }, head, make("div", { className: "zf-body" }, left, right)));
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take the arrow keys for moving between cells

  function point(value) {
    pointer = value;
    if (value === "unit") ask({ do: "lift" });
    else ask({ do: "square", x: 0.5, y: 0.5 });
  }
  function pointAt(x, y) {
    if (pointer === "square") cover(x, y);
    ask({ do: pointer, x, y });
  }
  function cover(x, y) { // at once, before the network has answered
    const half = state.square.side / 2, [high, wide] = state.image.size, least = Math.min(high, wide);
    const [down, across] = [half * least / high, half * least / wide];
    const inside = (at, margin) => Math.min(Math.max(at, margin), 1 - margin);
    place(square, [inside(y, down) - down, inside(x, across) - across, inside(y, down) + down, inside(x, across) + across]);
  }
  function stepBy(across, down) {
    if (pointer === "unit") return ask({ do: "step", across, down });
    const [top, start, bottom, end] = state.square.box ?? [0.5, 0.5, 0.5, 0.5];
    ask({ do: "square", x: (start + end) / 2 + across / 32, y: (top + bottom) / 2 + down / 32 });
  }
  function place(box, edges) {
    box.hidden = !edges;
    if (!edges) return;
    const [top, start, bottom, end] = edges;
    Object.assign(box.style, { top: percent(top), left: percent(start), height: percent(bottom - top), width: percent(end - start) });
  }
  function pointed(name, at, by) {
    const box = make("div", { className: `zf-pointed ${name}`, tabIndex: 0, role: "group" });
    const go = (event) => {
      const edges = box.getBoundingClientRect();
      at(Math.min(Math.max((event.clientX - edges.left) / edges.width, 0), 1), Math.min(Math.max((event.clientY - edges.top) / edges.height, 0), 1));
    };
    box.addEventListener("pointerdown", (event) => {
      if (event.button || !state) return;
      box.focus({ preventScroll: true });
      box.setPointerCapture(event.pointerId);
      go(event);
      event.preventDefault();
    });
    box.addEventListener("pointermove", (event) => { if (box.hasPointerCapture(event.pointerId)) go(event); });
    box.addEventListener("keydown", (event) => {
      const step = ARROWS[event.key];
      if (!step || !state || event.ctrlKey || event.altKey || event.metaKey) return;
      by(...step);
      event.preventDefault();
      event.stopPropagation();
    });
    return box;
  }

  // ------------------------------------------------------------------------------------------------------ photographs
  async function upload(chosen) {
    if (!chosen) return;
    const told = { do: "part", name: chosen.name, size: chosen.size }, parts = Math.max(1, Math.ceil(chosen.size / PART));
    if (chosen.size > menus.largest) return ask({ ...told, number: 0, count: 1 });
    let bytes;
    try {
      bytes = await chosen.arrayBuffer();
    } catch {
      return say(`${chosen.name} is no file that can be read.`);
    }
    for (let part = 0; part < parts; part++)
      ask({ ...told, number: part, count: parts }, [bytes.slice(part * PART, (part + 1) * PART)]);
  }
  root.addEventListener("dragover", (event) => { event.preventDefault(); root.classList.add("zf-over"); });
  root.addEventListener("dragleave", (event) => { if (!root.contains(event.relatedTarget)) root.classList.remove("zf-over"); });
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    root.classList.remove("zf-over");
    if (event.dataTransfer.files.length) upload(event.dataTransfer.files[0]);
    else say("What was dropped is no file; drop an image from a folder.");
  });

  // ------------------------------------------------------------------------------------------------------ one network
  function pane(index) {
    const name = make("h4"), told = make("p", { className: "zf-caption" }), picture = make("img", { draggable: false });
    const chosen = make("div", { className: "zf-chosen" });
    const wall = pointed("zf-wall", (x, y) => pick(x, y), (across, down) => ask({ do: "walk", pane: index, across, down }));
    wall.append(picture, chosen);
    wall.addEventListener("pointermove", (event) => { wall.title = under(event) ?? ""; });
    const pager = [-1, 1].map((by) => make("button", { type: "button", textContent: by < 0 ? "‹" : "›",
      label: by < 0 ? "stronger maps" : "weaker maps", onclick: () => ask({ do: "page", pane: index, by }) }));
    const pages = make("span", { className: "zf-pager" }, pager[0], pager[1]);
    const figures = {};
    for (const key of ["map", "projection", "patches", "projections"])
      figures[key] = { title: make("figcaption"), picture: make("img"), bar: key === "patches" ? "" : scaleBar(key === "map") };
    const figure = (key) => make("figure", { className: `zf-figure zf-${key}` }, figures[key].title, figures[key].picture, figures[key].bar.box ?? "");
    const wallBar = scaleBar(true), progress = make("progress", { label: "search" }), waits = make("p", { className: "zf-waits" }, make("span"), progress);
    const answers = make("div", { className: "zf-answers" }, make("h4"), make("ul"));
    const box = make("section", { className: "zf-pane" }, name,
      make("div", { className: "zf-walls" }, make("div", { className: "zf-line" }, told, pages), wall, wallBar.box),
      make("div", { className: "zf-maps" }, figure("map"), figure("projection")),
      make("div", { className: "zf-nines" }, waits, figure("patches"), figure("projections")));

    function cellAt(x, y) {
      const columns = menus.columns, rows = Math.ceil(state.panes[index].wall.length / columns);
      return Math.min(Math.floor(y * rows), rows - 1) * columns + Math.min(Math.floor(x * columns), columns - 1);
    }
    function pick(x, y) {
      ask({ do: "map", pane: index, place: cellAt(x, y) });
    }
    function under(event) {
      const edges = wall.getBoundingClientRect(), now = state?.panes[index];
      const cell = now ? cellAt((event.clientX - edges.left) / edges.width, (event.clientY - edges.top) / edges.height) : -1;
      return now?.wall[cell] === undefined ? "" : `map ${now.wall[cell]}, strongest ${short(now.peaks[cell])}`;
    }
    function draw(now, both) {
      name.textContent = both ? now.name : "";
      box.setAttribute("aria-label", `${now.name}, ${now.layer}`);
      answers.firstChild.textContent = `${now.name} says`;
      answers.lastChild.replaceChildren(...now.answers.map(answer));
      const first = now.page * menus.columns ** 2;
      told.textContent = `${now.layer}: maps ${first + 1} to ${first + now.wall.length} of ${now.count}, strongest first`;
      pages.hidden = now.pages < 2;
      pager[0].disabled = now.page === 0;
      pager[1].disabled = now.page >= now.pages - 1;
      put(picture, `${index}/wall`, `The maps of ${now.layer} as tiles, bright where they are active.`);
      wall.setAttribute("aria-label", `maps of ${now.layer}: click one, or walk with the arrow keys; map ${now.map} is chosen`);
      const columns = menus.columns, rows = Math.ceil(now.wall.length / columns), cell = now.rank - first;
      const high = rows * menus.pitch - menus.pitch + menus.tile, wide = columns * menus.pitch - menus.pitch + menus.tile;
      const [row, column] = [Math.floor(cell / columns), cell % columns];
      place(chosen, cell < 0 || cell >= now.wall.length ? null : [row * menus.pitch / high, column * menus.pitch / wide,
        (row * menus.pitch + menus.tile) / high, (column * menus.pitch + menus.tile) / wide]);
      wallBar.set("0", state.scale === "layer" ? short(now.wall_top) : "each map's maximum");
      const unit = `row ${now.unit[0]}, column ${now.unit[1]}`;
      caption4("map", `map ${now.map}${state.square.box ? " under the square" : ""}`, `Map ${now.map}, bright where it is active.`);
      figures.map.bar.set("0", short(now.top));
      caption4("projection", now.projection || (now.silent ? `its unit at ${unit} is silent: there is nothing to see` : `what its unit at ${unit} sees`), `What the unit at ${unit} of map ${now.map} sees, around mid-grey.`);
      if (now.scale !== null) figures.projection.bar.set(`−${short(now.scale)}`, short(now.scale));
      const shows = [...new Set(now.names)].join(", ");
      caption4("patches", "the nine images that excite it most", `Nine patches, of: ${shows}.`);
      figures.patches.picture.title = now.names.join(", ");
      caption4("projections", "what these units see", "Nine projections around mid-grey, in the places of the patches.");
      if (now.nine_scale !== null) figures.projections.bar.set(`−${short(now.nine_scale)}`, short(now.nine_scale));
      const searching = !now.nine && now.seen < now.total;
      waits.hidden = Boolean(now.names.length) && !now.note;
      waits.firstChild.textContent = now.nine || now.note || (searching ? `searching ${now.total} images for what excites maps most: ${now.seen}` : "drawing the nine …");
      progress.hidden = !searching;
      Object.assign(progress, { max: now.total, value: now.seen });
    }
    function caption4(key, title, alt) {
      figures[key].title.textContent = title;
      put(figures[key].picture, `${index}/${key}`, alt);
      figures[key].picture.parentElement.classList.toggle("zf-empty", !pictures.has(`${index}/${key}`));
    }
    return { box, answers, draw };
  }
  function answer([name, before, now]) {
    const bar = make("span", { className: "zf-bar" }, make("i"), make("b"));
    bar.firstChild.style.width = percent(now);
    bar.lastChild.style.left = percent(before);
    const change = state.square.box ? `, without the square ${before.toFixed(2)}` : "";
    return make("li", { title: `${name}: ${now.toFixed(4)}${change}` }, make("span", { className: "zf-name", textContent: name }), bar, make("span", { className: "zf-share", textContent: now.toFixed(2) }));
  }
  function scaleBar(coloured) {
    const [low, high] = [make("span"), make("span")];
    const box = make("div", { className: `zf-scale${coloured ? " zf-colours" : ""}` }, low, make("i"), high);
    return { box, set: (first, last) => { low.textContent = first; high.textContent = last; } };
  }
  function put(picture, name, alt) {
    picture.alt = alt;
    const address = pictures.get(name) ?? "";
    if (picture.getAttribute("src") !== address) address ? picture.setAttribute("src", address) : picture.removeAttribute("src");
  }

  // ------------------------------------------------------------------------------------------------------ all of it
  function fill() {
    options(group, Object.entries(menus.groups).map(([name, many]) => [name, `${name} (${many})`]));
    options(layer, menus.layers.map((name, place) => [place, name]));
    options(rule, menus.rules.map((name) => [name, name]));
    options(overlap, menus.overlaps.map((name) => [name, name]));
    options(scale, Object.entries(menus.scales));
    options(beside, menus.beside.map((name) => [name, name]));
    [side.min, side.max] = menus.sides;
    root.style.setProperty("--zf-colours", `linear-gradient(to right, ${menus.colours.join(", ")})`);
  }
  function show() {
    say(state.message);
    const { image: shown, square: covered } = state, both = state.panes.length > 1;
    group.value = shown.group;
    if (document.activeElement !== number) number.value = shown.number + 1; // or digits would be lost that are being typed
    Object.assign(number, { max: shown.count, disabled: !shown.count });
    group.disabled = !shown.count;
    layer.value = state.layer;
    for (const [select, value] of [[rule, state.rule], [overlap, state.overlap], [scale, state.scale], [beside, state.beside]]) select.value = value;
    caption.textContent = shown.name + (shown.note ? ` (${shown.note})` : "");
    put(image, "image", `The image: ${shown.name}.`);
    frame.setAttribute("aria-label", pointer === "unit" ? "click where a unit is to look, or move it with the arrow keys" : "drag the grey square, or move it with the arrow keys");
    if (!queue.some(({ command }) => command.do === "square")) place(square, covered.box);
    if (document.activeElement !== side) side.value = covered.side;
    sideShown.textContent = `${Math.round(covered.side * Math.min(...shown.size))} px`;
    frames.forEach((box, place_) => place(box, covered.box ? null : state.panes[place_]?.field));
    while (panes.length < state.panes.length) {
      panes.push(pane(panes.length));
      right.append(panes.at(-1).box);
      said.append(panes.at(-1).answers);
    }
    for (const extra of panes.splice(state.panes.length)) { extra.box.remove(); extra.answers.remove(); }
    root.classList.toggle("zf-both", both);
    panes.forEach((each, place_) => each.draw(state.panes[place_], both));
    readout.textContent = state.panes.map((now) =>
      `${both ? `${now.name}: ` : ""}map ${now.map}, number ${now.rank + 1} of ${now.count}; unit at row ${now.unit[0]}, column ${now.unit[1]} of ` +
      `${now.places.join(" × ")}: activation ${short(now.value)}; ${now.field ? `it sees ${now.field_size} px` : "what it sees is not known"}.`).join(" ") + under(covered);
  }

  function under({ box }) {
    if (!box) return "";
    const [high, wide] = state.image.size, [top, start, bottom, end] = box.map((edge, side_) => Math.round(edge * (side_ % 2 ? wide : high)));
    return ` The square covers rows ${top} to ${bottom - 1}, columns ${start} to ${end - 1}.`;
  }

  el.append(root);
  model.on("msg:custom", heard);
  ask({ do: "ready" });
  return () => {
    model.off("msg:custom", heard);
    for (const name of [...pictures.keys()]) drop(name);
    model.send({ do: "gone" });
  };
}
export default { render };
