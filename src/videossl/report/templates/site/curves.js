// ---- curves as SVG, of one run or of several; the caption tells the values under the pointer
const SVG = "http://www.w3.org/2000/svg";
// Okabe and Ito's colours and dashes, so that lines differ not only in colour.
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999"];
const DASHES = ["", "6 3", "2 2", "8 3 2 3"];
const styleOf = (at) => ({ stroke: COLOURS[at % COLOURS.length], "stroke-dasharray": DASHES[Math.floor(at / COLOURS.length) % DASHES.length] });
const draw = (parent, name, attributes, text = "") => {
  const element = document.createElementNS(SVG, name);
  for (const [k, v] of Object.entries(attributes)) element.setAttribute(k, v);
  if (text !== "") element.textContent = text;
  parent.append(element);
  return element;
};
const short = (value) =>
  value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
const WIDTH = 320, HEIGHT = 150, LEFT = 62, RIGHT = 12, TOP = 10, BOTTOM = 26;

// lines: [{ label, epochs, values }]; a missing value is null.
const curve = (parent, name, lines) => {
  const series = lines.map((line, at) => ({
    ...line, at, points: line.epochs.map((epoch, i) => [epoch, line.values[i]]).filter(([, value]) => value !== null && value !== undefined),
  })).filter((line) => line.points.length);
  if (!series.length) return;
  const all = series.flatMap((line) => line.points);
  const ys = all.map(([, value]) => value), xs = all.map(([epoch]) => epoch);
  let low = Math.min(...ys), high = Math.max(...ys);
  if (low === high) [low, high] = [low - (Math.abs(low) || 1) / 10, high + (Math.abs(high) || 1) / 10];
  const first = Math.min(...xs), last = Math.max(...xs);
  const x = (epoch) => LEFT + ((WIDTH - LEFT - RIGHT) * (epoch - first)) / (last - first || 1);
  const y = (value) => HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * (value - low)) / (high - low);
  const figure = add(parent, "figure");
  const caption = add(figure, "figcaption", "", { "aria-live": "polite" });
  const ends = series.map((line) => `from ${short(line.points[0][1])} to ${short(line.points.at(-1)[1])}`);
  const label = `${name} over epochs ${first} to ${last}, ${ends.join("; ")}. Arrow keys tell single epochs.`;
  const svg = draw(figure, "svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label, tabindex: 0 });
  for (const value of [low, (low + high) / 2, high]) {
    draw(svg, "line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value), class: "grid" });
    draw(svg, "text", { x: LEFT - 5, y: y(value) + 4, "text-anchor": "end" }, short(value));
  }
  for (const [epoch, where] of first === last ? [[first, "start"]] : [[first, "start"], [last, "end"]]) {
    draw(svg, "text", { x: x(epoch), y: HEIGHT - 8, "text-anchor": where }, `epoch ${epoch}`);
  }
  const guide = draw(svg, "line", { y1: TOP, y2: HEIGHT - BOTTOM, class: "guide" });
  for (const line of series) {
    const points = line.points.map(([epoch, value]) => `${x(epoch).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    draw(svg, "polyline", { points, fill: "none", "stroke-width": 1.8, ...styleOf(line.at) });
    line.dot = draw(svg, "circle", { r: 2.8, fill: styleOf(line.at).stroke });
  }
  const tell = (epoch) => {
    const nearest = series.map((line) => line.points.reduce((a, b) => (Math.abs(b[0] - epoch) < Math.abs(a[0] - epoch) ? b : a)));
    nearest.forEach(([e, value], i) => {
      series[i].dot.setAttribute("cx", x(e));
      series[i].dot.setAttribute("cy", y(value));
    });
    const values = nearest.map(([, value], i) => (series.length > 1 ? `${series[i].label} ${short(value)}` : short(value)));
    caption.textContent = `${name}: ${values.join(" · ")} after epoch ${Math.round(epoch)}`;
    const away = Math.round(epoch) !== last;
    guide.setAttribute("x1", x(epoch));
    guide.setAttribute("x2", x(epoch));
    guide.setAttribute("visibility", away ? "visible" : "hidden");
  };
  const epochs = [...new Set(xs)].sort((a, b) => a - b);
  let at = epochs.length - 1;
  const move = (place) => {
    at = Math.max(0, Math.min(epochs.length - 1, place));
    tell(epochs[at]);
  };
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const epoch = first + ((((event.clientX - box.left) / box.width) * WIDTH - LEFT) / (WIDTH - LEFT - RIGHT)) * (last - first);
    move(epochs.reduce((a, b, i) => (Math.abs(b - epoch) < Math.abs(epochs[a] - epoch) ? i : a), 0));
  });
  svg.addEventListener("pointerleave", () => move(epochs.length - 1));
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -epochs.length, End: epochs.length }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    move(at + step);
  });
  move(at);
};
const SERIES = { lr: "learning rate", top1: "top-1 accuracy on training clips" };
const seriesName = (key) => SERIES[key] ?? key.replaceAll("_", " ");

// The curves of several runs: a plot for each series, a line for each run that has it.
const overlay = (body, names) => {
  const runs = names.map((name) => data().runs[name]).filter((run) => run?.curve);
  if (runs.length < 2) return;
  add(body, "h3", "Training, overlaid");
  // What all runs share needs no place in the legend.
  const parts = runs.map((run) => run.title.split(" · "));
  const differing = parts.map((own) => own.filter((part) => !parts.every((other) => other.includes(part))).join(" · "));
  const labels = differing.map((text, at) => text || runs[at].title);
  const legend = add(body, "ul", "", { class: "legend" });
  labels.forEach((text, at) => {
    const item = add(legend, "li");
    const svg = draw(item, "svg", { viewBox: "0 0 28 8", "aria-hidden": "true" });
    draw(svg, "line", { x1: 0, x2: 28, y1: 4, y2: 4, "stroke-width": 2.4, ...styleOf(at) });
    item.append(` ${text}`);
  });
  const curves = add(body, "div", "", { class: "curves several" });
  const keys = [...new Set(runs.flatMap((run) => Object.keys(run.curve)))].filter((key) => key !== "epoch");
  for (const key of keys) {
    curve(curves, seriesName(key), runs.map((run, at) => (
      { label: labels[at], epochs: run.curve.epoch, values: run.curve[key] ?? [] })));
  }
};
