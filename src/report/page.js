"use strict";

// Vega's modules are CommonJS factories that ask for each other by name.
const vegaModules = {};
function vegaModule(name, factory) {
  const exports = {};
  factory(exports, {exports}, (needed) => vegaModules[needed]);
  vegaModules[name] = exports;
}

// Colours are variables of the style sheet, so that light, dark and print need no second drawing.
// Vega measures text in the page's font.
const font = getComputedStyle(document.documentElement).fontFamily;
const chartStyle = {
  aria: false,
  background: null,
  padding: 2,
  view: {stroke: null},
  axis: {
    domainColor: "var(--line)", tickColor: "var(--line)", gridColor: "var(--grid)", labelColor: "var(--text)",
    titleColor: "var(--quiet)", labelFontSize: 11, titleFontSize: 11, titleFontWeight: "normal", labelFont: font,
    titleFont: font, titlePadding: 6,
  },
  legend: {
    labelColor: "var(--text)", titleColor: "var(--quiet)", labelFont: font, titleFont: font,
    labelFontSize: 11, titleFontSize: 11, titleFontWeight: "normal", labelLimit: 200, symbolStrokeWidth: 0,
    symbolBaseFillColor: "var(--text)",
  },
  text: {fill: "var(--text)", font, fontSize: 11},
};

function drawCharts() {
  const {parse} = vegaModules["vega-parser"];
  const {View} = vegaModules["vega-view"];
  Object.assign(vegaModules["vega-dataflow"].transforms, vegaModules["vega-transforms"],
                vegaModules["vega-view-transforms"], vegaModules["vega-encode"]);
  const narrowBelow = 560;  // pixels: labels then stand above their rows

  const draw = (holder, room) => {
    const spec = JSON.parse(document.getElementById(holder.dataset.spec).textContent);
    const start = {room, narrow: room < narrowBelow};
    for (const signal of spec.signals) {
      if (signal.bind && holder.view) start[signal.name] = holder.view.signal(signal.name);  // what the reader chose
      if (signal.name in start) signal.value = start[signal.name];
    }
    if (holder.view) holder.view.finalize();
    const controls = holder.querySelector(".controls"), picture = holder.querySelector(".picture");
    controls.replaceChildren();
    picture.replaceChildren();
    const view = new View(parse(spec, chartStyle), {renderer: "svg", container: picture, bind: controls, hover: false});
    if (spec.autosize.type === "fit-x") view.width(room);
    view.runAsync();
    return view;
  };

  for (const holder of document.querySelectorAll(".chart")) {
    const fit = () => {
      const room = Math.floor(holder.clientWidth);
      if (room === 0 || room === holder.room) return;
      try {
        holder.view = draw(holder, room);
        holder.room = room;
      } catch (error) {
        holder.textContent = `This picture could not be drawn: ${error.message}. Its figures are in the table below.`;
        console.error(error);
      }
    };
    fit();
    new ResizeObserver(fit).observe(holder);
  }
}
