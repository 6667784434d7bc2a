import { cssColor } from './dom.js';

const steps = 256;
const stops = ['--hp-heat-1', '--hp-heat-2', '--hp-heat-3', '--hp-heat-4', '--hp-heat-5'];
const forced = matchMedia('(forced-colors: active)');

const parse = color => color.match(/[\d.]+/g).slice(0, 3).map(Number);
const mix = (a, b, share) => a.map((value, index) => Math.round(value + (b[index] - value) * share));

/**
 * The colours of a heat map as a canvas takes them: ramp has 256 of them from few to many, as bytes of red, green, blue and alpha in one
 * number. They grow darker (in the dark: lighter) all the way, so that they are told apart without their hue, too. Where the system's own
 * colours are forced, they go from the page's to that of text.
 */
export const heatColors = () => {
  const text = cssColor('--hp-text');
  const surface = getComputedStyle(document.body).backgroundColor;
  const list = forced.matches
    ? [mix(parse(surface), parse(text), 0.3), parse(text)]
    : stops.map(name => parse(cssColor(name)));
  const ramp = new Uint32Array(steps);
  const bytes = new Uint8ClampedArray(ramp.buffer);
  for (let step = 0; step < steps; step++) {
    const place = step / (steps - 1) * (list.length - 1);
    const index = Math.min(list.length - 2, Math.floor(place));
    bytes.set([...mix(list[index], list[index + 1], place - index), 255], step * 4);
  }
  return { ramp, text, muted: cssColor('--hp-muted'), border: cssColor('--hp-border'), line: cssColor('--hp-line'), surface: cssColor('--hp-surface') };
};

/** The colour of a count, where the greatest is most: logarithmic, so that the one slow exit is seen, too. */
export const heatStep = (count, most) => most <= 1 ? steps - 1 : Math.round(Math.log(count) / Math.log(most) * (steps - 1));
