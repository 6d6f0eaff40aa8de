export { TidegateError } from "./error.mjs";
export { Tidegate } from "./tidegate.mjs";
