// `import … from "triggerd"` in a handler that has no copy of this package installed: it is given this one.

import module, { createRequire } from "node:module";

const HERE = new URL("../index.mjs", import.meta.url).href;

/** For the module at `file` and what it imports. Node before 18.19 cannot: there the package has to be installed. */
export function provideSdk(file) {
  try {
    createRequire(file).resolve("triggerd");
    return; // its own copy
  } catch {
    // none
  }
  if (module.registerHooks !== undefined) {
    module.registerHooks({
      resolve: (specifier, context, next) =>
        specifier === "triggerd" ? { url: HERE, shortCircuit: true } : next(specifier, context),
    });
  } else if (module.register !== undefined) {
    const source = `export const resolve = (specifier, context, next) => specifier === "triggerd"
      ? { url: ${JSON.stringify(HERE)}, shortCircuit: true } : next(specifier, context);`;
    module.register(`data:text/javascript,${encodeURIComponent(source)}`);
  }
}
