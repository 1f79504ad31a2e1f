// uplot.js is a script without modules: it makes uPlot known to all.
/// <reference types="uplot" />
