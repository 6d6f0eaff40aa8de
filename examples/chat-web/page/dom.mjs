// The page's elements.

export const $ = (selector) => document.querySelector(selector);

/** A copy of what a template holds, one element. */
export function copyOf(template) {
  return $(template).content.firstElementChild.cloneNode(true);
}

/** Says at a field what is wrong with it; an empty text takes that back. */
export function say(field, message) {
  const place = document.getElementById(field.getAttribute("aria-errormessage"));
  place.textContent = message;
  place.hidden = message === "";
  if (message) {
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", place.id);
  } else {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  }
}
