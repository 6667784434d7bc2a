// The chart library is a classic script with a global; it is asked for by the first chart.
import { phrase } from '../texts.js';
const script = '_content/Vizor.ECharts/js/vizor-echarts-bundle-min.js';
let loading;

/** The library, once it is there. */
export const loadCharts = () => loading ??= new Promise((resolve, reject) => {
  const element = document.createElement('script');
  element.src = new URL(script, document.baseURI).href;
  element.onload = () => resolve(globalThis.echarts);
  element.onerror = () => { loading = undefined; element.remove(); reject(new Error(phrase('ChartsCouldNotBeLoaded'))); };
  document.head.append(element);
});
