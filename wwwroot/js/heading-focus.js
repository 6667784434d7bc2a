/** Takes the focus to the page's heading; where only an idle focus may be taken, not from what a person has gone to. */
export const focusHeading = onlyIdle => {
  const heading = document.querySelector('h1');
  const focused = document.activeElement;
  if (!heading || (onlyIdle && focused && focused !== document.body)) return;
  if (!heading.hasAttribute('tabindex')) heading.tabIndex = -1;
  heading.focus();
};
