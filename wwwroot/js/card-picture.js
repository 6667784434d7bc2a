// The chart of a card as a picture, on the colour that it is drawn on: a picture without one is black on black somewhere.
import { cssColor } from './machine/dom.js';

const scale = 2;
const font = '13px system-ui, "Segoe UI", sans-serif';
const line = 24;
const swatch = 10;
const gap = 16;

const sheet = (width, height) => {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d');
  context.fillStyle = cssColor('--hp-surface');
  context.fillRect(0, 0, width, height);
  return { canvas, context };
};

// What is shown of a legend, and where it has its place, line by line: [{ text, reason, x, y }].
const placesOf = (legend, context, width) => {
  const places = [];
  let [x, y] = [8, line / 2];
  for (const button of legend?.querySelectorAll('[aria-pressed=true]') ?? []) {
    const long = swatch + 6 + context.measureText(button.textContent).width;
    if (x > 8 && x + long > width) [x, y] = [8, y + line];
    places.push({ text: button.textContent, reason: button.dataset.reason, x, y });
    x += long + gap;
  }
  return places;
};

const ofLibrary = (element, plot, chart) => {
  const measure = document.createElement('canvas').getContext('2d');
  measure.font = font;
  const places = placesOf(element.querySelector('.hp-legend'), measure, plot.clientWidth);
  const above = places.length > 0 ? places.at(-1).y + line / 2 : 0;
  const { canvas, context } = sheet(plot.clientWidth * scale, (plot.clientHeight + above) * scale);
  context.drawImage(chart.renderToCanvas({ pixelRatio: scale }), 0, above * scale, plot.clientWidth * scale, plot.clientHeight * scale);
  context.scale(scale, scale);
  Object.assign(context, { font, textBaseline: 'middle' });
  for (const { text, reason, x, y } of places) {
    context.fillStyle = cssColor(reason ? `--hp-r-${reason.toLowerCase()}` : '--hp-text');
    context.beginPath();
    if (reason) context.rect(x, y - swatch / 2, swatch, swatch);
    else for (const [dx, dy] of [[swatch / 2, -1], [swatch, 1], [0, 1]]) context.lineTo(x + dx, y + dy * swatch / 2);
    context.fill();
    context.fillStyle = cssColor('--hp-text');
    context.fillText(text, x + swatch + 6, y);
  }
  return canvas;
};

const ofCanvas = drawn => {
  // As large as a canvas is before somebody draws on it.
  if (!drawn || drawn.width === 0 || (drawn.width === 300 && drawn.height === 150)) return null;
  const { canvas, context } = sheet(drawn.width, drawn.height);
  context.drawImage(drawn, 0, 0);
  return canvas;
};

/** The picture as a data address, or null before there is something to see. */
export const pictureOf = card => {
  const element = card.querySelector('.hp-chart');
  const plot = element?.querySelector('.hp-plot');
  const chart = plot && globalThis.echarts?.getInstanceByDom(plot);
  const canvas = chart?.getOption() ? ofLibrary(element, plot, chart) : ofCanvas(card.querySelector('.hp-heat canvas, canvas[data-hp-spark]'));
  return canvas?.toDataURL('image/png') ?? null;
};
