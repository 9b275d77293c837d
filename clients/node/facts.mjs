// What every script needs: the facts of the run, and comparisons that say where two things differ.

import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'

/** The facts: the path of a JSON file is the only argument. */
export const run = JSON.parse(readFileSync(process.argv[2], 'utf8'))

/** Ends the script unless both are equal, and, where they are lists, in the same order. */
export function same(name, found, expected) {
  if (isDeepStrictEqual(found, expected)) {
    console.log(`  ${name}${Array.isArray(found) ? ` (${found.length})` : ''}`)
    return
  }
  if (Array.isArray(found) && Array.isArray(expected)) {
    const longer = found.length > expected.length ? found : expected
    const at = longer.findIndex((_, position) => !isDeepStrictEqual(found[position], expected[position]))
    console.error(`${name}: found ${found.length}, expected ${expected.length}; first difference at ${at}`)
    console.error(` found    ${JSON.stringify(found[at])}\n expected ${JSON.stringify(expected[at])}`)
  } else {
    console.error(`${name}: found ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`)
  }
  process.exit(1)
}

/** As `same`, for a part of all: one that is empty would prove nothing. */
export function some(name, found, expected) {
  if (expected.length === 0) {
    console.error(`${name}: no event is expected, so nothing would be proved`)
    process.exit(1)
  }
  same(name, found, expected)
}
