// Plays a View whose states lie in the page: controls, a picture, marks over it, a line that reads out the numbers.
(function (root) {
  if (!root || root.dataset.plays) return;
  root.dataset.plays = "yes";
  const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
  const figure = root.querySelector("figure"), image = figure.querySelector("img"), caption = figure.querySelector("figcaption");
  const NS = "http://www.w3.org/2000/svg";
  const at = data.controls.map((control) => control.at);
  const counts = data.controls.map((control) => control.values.length);
  const place = (values) => values.reduce((number, value, which) => number * counts[which] + value, 0);

  const heading = caption.querySelector("strong");
  const head = document.createElement("div"), readout = document.createElement("div"), fields = document.createElement("div");
  fields.className = "zf-controls";
  readout.setAttribute("aria-live", "polite");
  if (heading && caption.firstChild === heading) head.append(heading);
  const inputs = data.controls.map((control, which) => {
    const label = document.createElement("label"), name = document.createElement("span");
    const input = document.createElement(control.slider ? "input" : "select"), shown = document.createElement("output");
    name.textContent = control.label;
    if (control.slider) Object.assign(input, { type: "range", min: 0, max: counts[which] - 1, step: 1 });
    else control.values.forEach((value, number) => input.add(new Option(value, number)));
    input.addEventListener("input", () => { at[which] = Number(input.value); draw(); });
    label.append(name, input, ...(control.slider ? [shown] : []));
    fields.append(label);
    return [input, shown];
  });
  if (data.fixed.length) {
    const note = document.createElement("p");
    note.textContent = "Standing still here: " + data.fixed.join("; ") + ". Run the notebook to change that.";
    fields.append(note);
  }

  const frame = document.createElement("div"), marks = document.createElementNS(NS, "svg");
  frame.className = "zf-frame";
  image.replaceWith(frame);
  frame.append(image, marks);
  marks.setAttribute("aria-hidden", "true");
  caption.textContent = "";
  caption.append(readout);
  figure.before(head, fields);

  function rectangle(top, left, bottom, right, look) {
    return element("rect", { x: left, y: top, width: Math.max(right - left, 0), height: Math.max(bottom - top, 0), ...look });
  }
  function element(kind, look) {
    const made = document.createElementNS(NS, kind);
    for (const [key, value] of Object.entries(look)) made.setAttribute(key, value);
    return made;
  }
  const KINDS = {
    filled: (top, left, bottom, right, colour) => [rectangle(top, left, bottom, right, { fill: colour })],
    framed: (top, left, bottom, right, colour, width) =>
      [rectangle(top + width / 2, left + width / 2, bottom - width / 2, right - width / 2,
        { fill: "none", stroke: colour, "stroke-width": width })],
    outside(top, left, bottom, right, colour) {
      const all = `M0 0H${image.naturalWidth}V${image.naturalHeight}H0Z`;
      const hole = `M${left} ${top}H${right}V${bottom}H${left}Z`;
      return [element("path", { d: all + hole, fill: colour, "fill-opacity": 0.55, "fill-rule": "evenodd" })];
    },
    cross(top, left, bottom, right, first, start, last, end, colour) {
      const y = (top + bottom) / 2, x = (left + right) / 2;
      const arms = `M${start} ${y}H${left}M${right} ${y}H${end}M${x} ${first}V${top}M${x} ${bottom}V${last}`;
      return [["white", 3], [colour, 1]].flatMap(([stroke, width]) => [
        element("path", { d: arms, fill: "none", stroke, "stroke-width": width }),
        rectangle(top, left, bottom, right, { fill: "none", stroke, "stroke-width": width })]);
    },
  };

  function draw() {
    const [base, alt, words, drawn] = data.states[place(at)];
    if (base >= 0) {
      if (image.dataset.base !== String(base)) { image.src = data.bases[base]; image.dataset.base = base; }
      image.alt = alt;
    }
    readout.innerHTML = words;
    marks.replaceChildren(...drawn.flatMap(([kind, ...rest]) => KINDS[kind](...rest)));
    inputs.forEach(([input, shown], which) => {
      input.value = at[which];
      shown.textContent = data.controls[which].values[at[which]];
      if (data.controls[which].slider) input.setAttribute("aria-valuetext", shown.textContent);
    });
  }
  function fit() {
    marks.setAttribute("viewBox", `0 0 ${image.naturalWidth} ${image.naturalHeight}`);
    draw();
  }
  image.addEventListener("load", fit);

  // Dragging: the state whose handle has its middle nearest to the pointer.
  const handles = data.states.map((state) => state[4]);
  if (handles.every(Boolean)) {
    frame.classList.add("zf-drag");
    frame.tabIndex = 0;
    frame.setAttribute("role", "group");
    frame.setAttribute("aria-label", "drag the square, or move it with the arrow keys");
    const drag = (event) => {
      const box = image.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width * image.naturalWidth;
      const y = (event.clientY - box.top) / box.height * image.naturalHeight;
      const far = handles.map(([top, left, bottom, right]) => Math.hypot((left + right) / 2 - x, (top + bottom) / 2 - y));
      let near = far.indexOf(Math.min(...far));
      for (let which = counts.length - 1; which >= 0; near = Math.floor(near / counts[which--])) at[which] = near % counts[which];
      draw();
    };
    frame.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      frame.focus({ preventScroll: true });
      frame.setPointerCapture(event.pointerId);
      drag(event);
      event.preventDefault();
    });
    frame.addEventListener("pointermove", (event) => { if (frame.hasPointerCapture(event.pointerId)) drag(event); });
    const arrows = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 1], ArrowUp: [1, -1] };
    frame.addEventListener("keydown", (event) => {
      const [axis, by] = arrows[event.key] || [];
      const which = data.controls.findIndex((control) => control.name === data.arrows[axis]);
      if (which < 0) return;
      at[which] = Math.min(Math.max(at[which] + by, 0), counts[which] - 1);
      draw();
      event.preventDefault();
    });
  }
  fit();
})(document.currentScript.closest(".zf-plays"));
