// Numbers and times as every pane writes them.
const whole = new Intl.NumberFormat('en');
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const digits = (value, length) => String(value).padStart(length, '0');

/** A count, all digits. */
export const count = value => whole.format(value);

/** A rate a second: short, but never a made-up zero. */
export const rate = value => value >= 10_000 ? compact.format(value) : value >= 10 ? whole.format(Math.round(value)) : value > 0 ? value.toFixed(1) : '0';

/** Nanoseconds in the unit that fits. */
export const duration = ns => ns < 1000 ? `${Math.round(ns)} ns` : ns < 1e6 ? `${(ns / 1e3).toFixed(1)} µs` : ns < 1e9 ? `${(ns / 1e6).toFixed(1)} ms` : `${(ns / 1e9).toFixed(2)} s`;

/** Local time of day with milliseconds. Written thousands of times a second, for which Intl is too slow. */
export const time = unixMs => {
  const at = new Date(unixMs);
  return `${digits(at.getHours(), 2)}:${digits(at.getMinutes(), 2)}:${digits(at.getSeconds(), 2)}.${digits(at.getMilliseconds(), 3)}`;
};

/** An exit code as the vendor's manual writes it: Intel decimal, AMD hexadecimal. */
export const code = (vendor, value) => vendor === 'amd' ? `0x${value.toString(16).toUpperCase()}` : String(value);

/** The vendor whose hypercall instruction ends in a byte, or null. */
export const vendorOfByte = hex => hex === 'C1' ? 'intel' : hex === 'D9' ? 'amd' : null;

/** A vendor's name for people. */
export const vendorName = vendor => vendor === 'amd' ? 'AMD' : vendor === 'intel' ? 'Intel' : '';
