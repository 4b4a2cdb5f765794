/** The line of a film's time: heat, scenes and where it is; hovering shows the sprite of that moment. */

import { h, onFrame, setText } from "../ui/dom.js";
import { clock } from "../ui/format.js";
import { frameAt } from "../data/pictures.js";
import { showTile } from "./card.js";

const SVG = "http://www.w3.org/2000/svg";
const TILE = [208, 117];

/** The heat as the outline of a hill, 1000 wide and 100 high. */
function hill(samples, length) {
  const values = samples.map(({ time, motion, brightness }) => [time, motion ?? brightness ?? 0]);
  const highest = Math.max(1e-6, ...values.map(([, value]) => value));
  const points = values.map(
    ([time, value]) =>
      `${((time / length) * 1000).toFixed(1)},${(100 - Math.sqrt(value / highest) * 100).toFixed(1)}`,
  );
  return `M0,100 L${points.join(" L")} L1000,${points.at(-1).split(",")[1]} L1000,100 Z`;
}

export class Timeline {
  /** `seek(time)` is called with what was chosen. */
  constructor(seek) {
    this.seek = seek;
    this.length = 0;
    this.heat = h(".heat", {});
    this.marks = h(".marks", {});
    this.done = h("span.done", {});
    this.tile = h("canvas.sprite", { hidden: true });
    this.said = h("span", {});
    this.tip = h(".tip", { hidden: true }, this.tile, this.said);
    this.track = h(
      ".track",
      { role: "slider", tabindex: "0", "aria-label": "Time", "aria-valuemin": "0", "aria-valuenow": "0" },
      this.heat,
      this.marks,
      this.done,
    );
    this.element = h(".timeline", {}, this.track, this.tip);
    this.listen();
  }

  show(row, documents, length) {
    Object.assign(this, {
      row,
      length,
      sprites: documents.sprites?.frames?.length ? documents.sprites : null,
    });
    this.scenes = documents.scenes?.scenes ?? [];
    this.track.setAttribute("aria-valuemax", length.toFixed(1));
    const samples = documents.heatmaps?.samples ?? [];
    this.heat.replaceChildren(...(samples.length && length ? [this.drawHeat(samples)] : []));
    const markers = length ? (documents.scenes?.markers ?? []) : [];
    this.marks.replaceChildren(
      ...markers.map(({ time }) =>
        h("span", { dataset: { time }, style: { left: `${(time / length) * 100}%` } }),
      ),
    );
  }

  drawHeat(samples) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 1000 100");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", hill(samples, this.length));
    svg.append(path);
    return svg;
  }

  /** Shows where the film is. */
  at(time) {
    this.time = time;
    this.done.style.transform = `scaleX(${this.length ? time / this.length : 0})`;
    this.track.setAttribute("aria-valuenow", time.toFixed(1));
    this.track.setAttribute("aria-valuetext", `${clock(time)} of ${clock(this.length)}`);
  }

  listen() {
    const { track } = this;
    let x = 0;
    const draw = onFrame(() => this.point(x));
    const timeAt = (clientX) => {
      const box = track.getBoundingClientRect();
      return Math.max(0, Math.min(1, (clientX - box.left) / box.width)) * this.length;
    };
    track.addEventListener("pointermove", (event) => {
      x = event.clientX;
      draw();
      if (event.buttons & 1) this.seek(timeAt(x));
    });
    track.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      track.setPointerCapture(event.pointerId);
      this.seek(this.near(event.clientX, timeAt));
    });
    for (const name of ["pointerleave", "pointerup", "blur"])
      track.addEventListener(
        name,
        (event) => (name !== "pointerup" || event.pointerType !== "mouse") && (this.tip.hidden = true),
      );
    track.addEventListener("keydown", (event) => {
      const step = {
        ArrowLeft: -5,
        ArrowRight: 5,
        ArrowDown: -1,
        ArrowUp: 1,
        PageDown: -30,
        PageUp: 30,
        Home: -Infinity,
        End: Infinity,
      }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      this.seek(Math.max(0, Math.min(this.length, (this.time ?? 0) + step)));
    });
  }

  /** The time of a click: that of a mark where it hits one. */
  near(clientX, timeAt) {
    for (const mark of this.marks.children) {
      if (Math.abs(mark.getBoundingClientRect().left - clientX) <= 4) return Number(mark.dataset.time);
    }
    return timeAt(clientX);
  }

  point(clientX) {
    if (!this.length) return;
    const box = this.track.getBoundingClientRect();
    const share = Math.max(0, Math.min(1, (clientX - box.left) / box.width));
    const time = share * this.length;
    this.tip.hidden = false;
    const scene = this.scenes.findIndex(({ start, end }) => start <= time && time < end);
    setText(this.said, clock(time) + (scene >= 0 && this.scenes.length > 1 ? ` · scene ${scene + 1}` : ""));
    if (this.sprites) showTile(this.tile, this.row, this.sprites, frameAt(this.sprites, time), ...TILE);
    const half = this.tip.offsetWidth / 2;
    this.tip.style.left = `${Math.max(half, Math.min(box.width - half, share * box.width))}px`;
  }
}
