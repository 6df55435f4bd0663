"use strict";
// Draws every [data-chart] from the numbers in #charts with Observable Plot. Colours are the style sheet's, so that light, dark and print need no redrawing.
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const colour = i => i < 0 ? "var(--muted)" : `var(--c${i})`;
  const points = (x, y) => x.map((value, i) => [value, y[i]]).filter(([a, b]) => a !== null && b !== null);
  const number = d3.format(".5~g");
  const short = d => (Math.abs(d) >= 1e4 ? d3.format(".3~s") : d !== 0 && Math.abs(d) < 0.01 ? d3.format(".2~e") : d3.format(".4~g"))(d);

  const frame = (width, options) => ({
    width,
    className: "chart",
    style: { fontFamily: "inherit", fontSize: "11px", background: "none" },
    marginLeft: 46,
    marginRight: 12,
    marginTop: 22,
    marginBottom: 32,
    ...options,
  });

  const draw = {
    curves({ unit, small, range, curves, marks }, width) {
      const all = curves.flatMap(c => points(c.x, c.y).map(([x, y]) => ({ x, y, name: c.name })));
      return Plot.plot(frame(width, {
        height: small ? 170 : 280,
        x: { label: "epoch", ticks: Math.min(8, width / 60), tickFormat: d => Number.isInteger(d) ? d : "" },
        y: { label: unit, domain: range, grid: true, ticks: small ? 4 : 6, tickFormat: short },
        marks: [
          Plot.ruleX(marks, { x: "x", stroke: d => colour(d.colour), strokeOpacity: 0.45 }),
          ...curves.map(c => Plot.line(points(c.x, c.y), {
            stroke: colour(c.colour), strokeWidth: c.dashed ? 1.25 : 1.75, strokeDasharray: c.dashed ? "4 3" : undefined, clip: true,
          })),
          Plot.tip(all, Plot.pointer({ x: "x", y: "y", title: d => `${d.name}\nepoch ${d.x}: ${number(d.y)}`, clip: true })),
        ],
        color: { type: "identity" },
      }));
    },

    sweep({ over, logarithmic, ticks, series }, width) {
      const all = series.flatMap(({ name, colour, dashed, x, y, sd, low, high }) =>
        x.map((value, i) => ({ x: value, y: y[i], sd: sd[i], low: low[i], high: high[i], name, colour, dashed }))).filter(d => d.y !== null);
      // Labels of settings that lie close together would run into each other.
      const { marginLeft, marginRight } = frame(0, {});
      const place = (logarithmic ? d3.scaleLog : d3.scaleLinear)([ticks[0], ticks.at(-1)], [marginLeft, width - marginRight]);
      const shown = ticks.reduce((kept, tick) => kept.length && place(tick) - place(kept.at(-1)) < 30 ? kept : [...kept, tick], []);
      return Plot.plot(frame(width, {
        height: 280,
        x: { label: over, type: logarithmic ? "log" : "linear", ticks: shown, tickFormat: d => number(d), grid: false },
        y: { label: null, grid: true, ticks: 6, tickFormat: short, nice: true },
        marks: [
          Plot.ruleX(all.filter(d => d.sd !== null), {
            x: "x", y1: "low", y2: "high", stroke: d => colour(d.colour),
            strokeOpacity: d => d.dashed ? 0.35 : 0.8, strokeWidth: d => d.dashed ? 5 : 1.5,
          }),
          ...series.map(s => Plot.line(points(s.x, s.y), {
            stroke: colour(s.colour), strokeWidth: s.dashed ? 1.25 : 1.75, strokeDasharray: s.dashed ? "4 3" : undefined,
          })),
          Plot.dot(all.filter(d => !d.dashed), { x: "x", y: "y", r: 2.5, fill: d => colour(d.colour) }),
          Plot.tip(all, Plot.pointer({
            x: "x", y: "y", title: d => `${d.name}\n${over} ${number(d.x)}: ${number(d.y)}${d.sd === null ? "" : ` ± ${number(d.sd)}`}`,
          })),
        ],
        color: { type: "identity" },
        opacity: { type: "identity" },
      }));
    },

    scatter({ x, y, xRange, yRange, groups }, width) {
      const side = Math.min(width, 520);
      const { marginLeft, marginRight, marginTop, marginBottom } = frame(0, {});
      const all = groups.filter(g => g.colour >= 0).flatMap(g => points(g.x, g.y).map(([a, b]) => ({ a, b, name: g.name })));
      return Plot.plot(frame(side, {
        height: side - marginLeft - marginRight + marginTop + marginBottom,
        x: { label: x, domain: xRange, ticks: 6, grid: true },
        y: { label: y, domain: yRange, ticks: 6, grid: true },
        marks: [
          ...groups.flatMap(g => [
            g.joined ? Plot.line(points(g.x, g.y), { stroke: colour(g.colour), strokeWidth: 1.5 }) : null,
            Plot.dot(points(g.x, g.y), { r: g.joined ? 2.5 : g.colour < 0 ? 1.3 : 1.8, fill: colour(g.colour), fillOpacity: g.colour < 0 ? 0.5 : 0.7 }),
          ]),
          Plot.text(groups.filter(g => g.labelled && g.x.length), {
            x: g => d3.mean(g.x), y: g => d3.mean(g.y), text: "name", fill: "var(--ink)", stroke: "var(--paper)", strokeWidth: 4, fontSize: 12, fontWeight: 600,
          }),
          Plot.tip(all, Plot.pointer({ x: "a", y: "b", title: d => `${d.name}\n${number(d.a)}, ${number(d.b)}`, maxRadius: 20 })),
        ],
      }));
    },

    bars({ unit, top, strips }, width) {
      const bars = strips.flatMap((s, strip) => s.values.map((value, i) => ({ z: i + 1, value, strip, name: s.name, colour: s.colour })));
      const last = d3.max(bars, d => d.z);
      const step = Math.ceil(last / Math.max(1, Math.floor(width / 34)));
      return Plot.plot(frame(Math.min(width, 60 + 90 * last), {
        height: 54 + 96 * strips.length,
        x: { label: "dimension of z", type: "band", tickFormat: d => (d - 1) % step ? "" : d, padding: last > 40 ? 0 : 0.2, tickSize: 0 },
        y: { label: unit, domain: [0, top], grid: true, ticks: 3 },
        fy: { axis: null, padding: 0.15 },
        color: { type: "identity" },
        marks: [
          Plot.barY(bars, { x: "z", y: "value", fy: "strip", fill: d => colour(d.colour) }),
          Plot.ruleY([0], { stroke: "currentColor", strokeOpacity: 0.5 }),
          Plot.tip(bars, Plot.pointerX({ x: "z", y: "value", fy: "strip", title: d => `${d.name}, z${d.z}: ${number(d.value)}` })),
        ],
      }));
    },

    profiles({ panelWidth, panels, layers }, width) {
      const columns = Math.max(1, Math.min(panels.length, Math.floor(width / panelWidth), 4));
      const place = panel => ({ fx: panel % columns, fy: Math.floor(panel / columns) });
      const rows = Math.ceil(panels.length / columns);
      const height = panelWidth < 200 ? 92 : 230;
      return Plot.plot(frame(width, {
        height: 54 + rows * height,
        x: { label: "dimension of x", ticks: 3, tickFormat: d => Number.isInteger(d) ? d : "" },
        y: { label: null, grid: true, ticks: 3, nice: true },
        fx: { axis: null, padding: 0.08 },
        fy: { axis: null, padding: 0.24 },
        marks: [
          ...layers.map(layer => Plot.line(
            layer.lines.flatMap((line, z) => line.y.map((y, i) => ({ x: i + 1, y, z, ...place(line.panel) }))),
            {
              x: "x", y: "y", z: "z", fx: "fx", fy: "fy", strokeWidth: layer.width, strokeOpacity: layer.opacity,
              stroke: layer.step === null ? colour(layer.colour) : `color-mix(in oklab, var(--c1) ${100 * layer.step}%, var(--c0))`,
            })),
          Plot.text(panels.map((text, panel) => ({ text, ...place(panel) })), {
            text: "text", fx: "fx", fy: "fy", frameAnchor: "top-left", dx: 2, dy: -2, lineAnchor: "bottom", fill: "var(--ink)", fontWeight: 600,
          }),
        ],
      }));
    },
  };

  const redraw = element => {
    // Narrower than any screen: a window on its way to another size.
    const width = Math.max(240, Math.floor(element.clientWidth));
    if (element.dataset.width !== String(width)) {
      element.dataset.width = width;
      const chart = charts[element.dataset.chart];
      const drawing = draw[chart.kind](chart, width);
      // The element around it says in words what is drawn, and a table has the numbers: its parts would only be noise.
      drawing.setAttribute("aria-hidden", "true");
      element.replaceChildren(drawing);
    }
  };

  const observer = new ResizeObserver(entries => entries.forEach(entry => redraw(entry.target)));
  for (const element of document.querySelectorAll("[data-chart]")) {
    redraw(element);
    observer.observe(element);
  }
})();
