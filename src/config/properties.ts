/** config: the syntax of `server.properties`, which is that of java.util.Properties. */

import { ConfigError } from './config-error.ts'

const escapes: Record<string, string> = { t: '\t', n: '\n', r: '\r', f: '\f' }

/** Keys and values in their order; of a key that comes twice the last value counts. @throws ConfigError for a bad \u escape */
export function parseProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>()
  for (const line of logicalLines(text)) {
    const keyEnd = keyLength(line)
    const value = line.slice(keyEnd).replace(/^[ \t\f]*(?:[=:][ \t\f]*)?/, '')
    const key = unescaped(line.slice(0, keyEnd))
    properties.delete(key)
    properties.set(key, unescaped(value))
  }
  return properties
}

/** Lines without blank ones and comments; one that ends in an odd number of backslashes goes on in the next. */
function* logicalLines(text: string): Generator<string> {
  let begun: string | undefined
  for (const natural of text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)) {
    const line = natural.replace(/^[ \t\f]+/, '')
    // Only a line of its own can be a comment: a continuation that starts with # is part of the value.
    if (begun === undefined && (line === '' || line.startsWith('#') || line.startsWith('!'))) continue
    const backslashes = line.length - line.replace(/\\+$/, '').length
    const whole = (begun ?? '') + line
    if (backslashes % 2 === 1) begun = whole.slice(0, -1)
    else {
      begun = undefined
      yield whole
    }
  }
  if (begun !== undefined) yield begun
}

/** Up to the first separator that no backslash hides. */
function keyLength(line: string): number {
  for (let index = 0; index < line.length; index++) {
    const character = line[index] as string
    if (character === '\\') index++
    else if ('=: \t\f'.includes(character)) return index
  }
  return line.length
}

function unescaped(text: string): string {
  return text.replace(/\\(u([0-9a-fA-F]{4})|[\s\S]|$)/g, (_whole, escaped: string, hex: string | undefined) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
    if (escaped === 'u') throw new ConfigError(`Malformed \\uxxxx encoding in ${JSON.stringify(text)}.`)
    return escapes[escaped] ?? escaped
  })
}
