// Texts of the scripts: the document brings them along (App.razor), out of the resource ScriptTexts.
const texts = JSON.parse(document.getElementById('hp-texts').textContent);

/** A text by its name in ScriptTexts.resx, with values in its places {0}, {1} … */
export const phrase = (name, ...values) => texts[name].replace(/\{(\d+)\}/g, (_, index) => values[index]);
