"use strict";
{
  // All code at once, as it was last wished for. A browser may forbid pages from a disk to remember.
  const key = "zfhelpers: show all code";
  const all = document.getElementById("all-code");
  const wished = (value) => {
    try {
      if (value !== undefined) localStorage.setItem(key, value);
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  };
  const show = (yes) => document.querySelectorAll("details.code").forEach((cell) => { cell.open = yes; });
  all.parentElement.hidden = false;
  all.checked = wished() === "yes";
  if (all.checked) show(true);
  all.addEventListener("change", () => {
    show(all.checked);
    wished(all.checked ? "yes" : "no");
  });

  // Figures: a button each, which opens the figure in its natural size, or in as much more as the window has room for.
  const dialog = document.getElementById("enlarged");
  const frame = dialog.querySelector(".frame");
  const enlarge = (image) => {
    const [wide, high] = [image.naturalWidth, image.naturalHeight];
    const large = image.cloneNode();
    frame.replaceChildren(large);
    dialog.showModal();
    const scale = Math.min(2, Math.max(1, Math.min(frame.clientWidth / wide, frame.clientHeight / high)));
    large.style = `width: ${wide * scale}px`; // whatever bounds it had on the page
    frame.scrollTo(0, 0);
  };
  dialog.addEventListener("click", () => dialog.close());
  for (const image of document.querySelectorAll("main img")) {
    if (image.closest("a, button, .zf-plays")) continue; // there a click means something else
    const button = document.createElement("button");
    const label = document.createElement("span");
    Object.assign(button, { type: "button", className: "enlarge" });
    Object.assign(label, { className: "unseen", textContent: "Enlarge: " });
    image.replaceWith(button);
    button.append(label, image);
    button.addEventListener("click", () => enlarge(image));
  }

  // What scrolls sideways in a frame of its own can be reached, and scrolled, with the keyboard.
  const frames = document.querySelectorAll("main pre, main .scroll, main .display, main .output");
  const reach = () => {
    for (const each of frames) {
      if (each.scrollWidth > each.clientWidth) each.tabIndex = 0;
      else each.removeAttribute("tabindex");
    }
  };
  addEventListener("resize", reach);
  document.addEventListener("toggle", reach, true);
  reach();

  // The contents list beside the text marks the section that is being read.
  const links = [...document.querySelectorAll(".contents.beside a")];
  const places = links.map((link) => document.getElementById(decodeURIComponent(link.hash.slice(1))));
  const follow = () => {
    const at = places.findLastIndex((heading) => heading.getBoundingClientRect().top < innerHeight / 3);
    links.forEach((link, number) => link.setAttribute("aria-current", number === at));
  };
  if (links.length) {
    addEventListener("scroll", follow, { passive: true });
    follow();
  }
}
