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

  for (const holder of document.querySelectorAll(".chart")) {
    try {
      const spec = JSON.parse(document.getElementById(holder.dataset.spec).textContent);
      const controls = document.createElement("div");
      controls.className = "controls";
      holder.before(controls);
      const picture = document.createElement("div");  // Vega sets a role of its own on it
      holder.append(picture);
      const view = new View(parse(spec, chartStyle), {renderer: "svg", container: picture, bind: controls, hover: false});
      const fit = () => {
        const width = Math.floor(holder.clientWidth);
        if (width === 0) return;
        view.signal("room", width).signal("narrow", width < narrowBelow);
        if (spec.autosize.type === "fit-x") view.width(width);
        view.resize().runAsync();
      };
      holder.view = view;
      fit();
      new ResizeObserver(fit).observe(holder);
    } catch (error) {
      holder.textContent = `This picture could not be drawn: ${error.message}. Its figures are in the table below.`;
      console.error(error);
    }
  }
}
