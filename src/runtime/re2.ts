/** runtime: RE2, loaded for the first regular expression: most brokers never see one. */
import { createRequire } from 'node:module'

type Re2 = typeof import('re2js')

const require = createRequire(import.meta.url)

export function re2(): Re2 {
  return require('re2js') as Re2
}
