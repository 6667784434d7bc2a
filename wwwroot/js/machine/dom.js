// The few things that drawing needs.

/** Makes an element. */
export const make = (tag, className, text) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
};

/** Sets text only where it differs: a page that stands still costs nothing. */
export const setText = (element, text) => {
  if (element && element.textContent !== text) element.textContent = text;
};

/** Whether the person wants things to stand still. */
export const stillness = matchMedia('(prefers-reduced-motion: reduce)');

/** A colour of the style sheet as a canvas understands it: light-dark() is resolved by the browser, not by the chart. */
export const cssColor = name => {
  const probe = make('span');
  probe.style.color = `var(${name})`;
  probe.hidden = true;
  // With forced colours every text has the same one; a chart's parts must differ.
  probe.style.forcedColorAdjust = 'none';
  document.body.append(probe);
  const color = getComputedStyle(probe).color;
  probe.remove();
  return color;
};

/** Makes a canvas as fine as the screen, and empty: { context, width, height, scale }, measured in pixels of the style sheet. */
export const cleared = canvas => {
  const scale = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
  // Setting either, to whatever it is, throws the canvas away.
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const context = canvas.getContext('2d');
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height, scale };
};

/** An instruction's bytes, a cell each; the byte that vendors differ in carries the colour of the vendor whose it is. */
export const byteCells = (bytes, patchOffset, vendorOf) => bytes.split(' ').flatMap((hex, index) => {
  const cell = make('span', 'hp-byte', hex);
  if (index === patchOffset) {
    cell.classList.add('hp-byte-patch');
    const vendor = vendorOf(hex);
    if (vendor) cell.dataset.vendor = vendor;
  }
  // The blank is for those who copy the bytes, or read them with a program.
  return index === 0 ? [cell] : [' ', cell];
});
