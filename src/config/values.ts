/** config: from a config's text to its value and back, as Kafka's ConfigDef does for each type. */

import type { ConfigDefinition, ConfigType } from './config-definition.ts'
import { invalidValue } from './config-error.ts'

/** Smallest and largest of each integer type, as text is compared before it loses precision as a number. */
const integerBits: Partial<Record<ConfigType, bigint>> = { SHORT: 16n, INT: 32n, LONG: 64n }

/** Parses `text` by the type of `definition` and checks it against its range. @throws ConfigError in Kafka's words */
export function parseValue(name: string, definition: ConfigDefinition, text: string): unknown {
  const value = parse(name, definition, text)
  definition.valid?.check(name, value, definition.type)
  return value
}

function parse(name: string, { type, valid }: ConfigDefinition, text: string): unknown {
  const trimmed = text.trim()
  switch (type) {
    case 'BOOLEAN': {
      const lower = trimmed.toLowerCase()
      if (lower !== 'true' && lower !== 'false')
        throw invalidValue(name, text, 'Expected value to be either true or false')
      return lower === 'true'
    }
    case 'SHORT':
    case 'INT':
    case 'LONG': {
      const limit = 1n << ((integerBits[type] as bigint) - 1n)
      const integer = /^[+-]?\d{1,30}$/.test(trimmed) ? BigInt(trimmed.replace('+', '')) : undefined
      if (integer === undefined || integer >= limit || integer < -limit)
        throw invalidValue(name, text, `Not a number of type ${type}`)
      return Number(integer)
    }
    case 'DOUBLE':
      if (!/^[+-]?(NaN|Infinity|(\d+\.?\d*|\.\d+)(e[+-]?\d+)?[fd]?)$/i.test(trimmed))
        throw invalidValue(name, text, `Not a number of type ${type}`)
      return Number(trimmed.replace(/(?<=[\d.])[fd]$/i, ''))
    case 'LIST': {
      const items = trimmed === '' ? [] : trimmed.split(/\s*,\s*/)
      return valid?.dropsDuplicates ? [...new Set(items)] : items
    }
    case 'CLASS':
      if (trimmed === '') throw invalidValue(name, text, `Class ${text} could not be found.`)
      return text
    case 'STRING':
      return trimmed
    case 'PASSWORD':
      return text
  }
}

/** A value as DescribeConfigs shows it; null stays null. */
export function formatValue(type: ConfigType, value: unknown): string | null {
  if (value === null) return null
  if (type === 'LIST') return (value as readonly string[]).join(',')
  if (type === 'DOUBLE') return formatDouble(value as number)
  if (type === 'LONG' && (value as number) >= 2 ** 63) return '9223372036854775807'
  return String(value)
}

/** The same for a value that is set as `text`: a LONG keeps the digits that a number can't hold. */
export function formatText(name: string, definition: ConfigDefinition, text: string): string | null {
  const value = parseValue(name, definition, text)
  return definition.type === 'LONG'
    ? BigInt(text.trim().replace('+', '')).toString()
    : formatValue(definition.type, value)
}

/** Java's Double.toString: always a fraction, and an exponent below 10^-3 and from 10^7. */
export function formatDouble(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) {
    const [digits, exponent] = value.toExponential().split('e') as [string, string]
    return `${withFraction(digits)}E${Number(exponent)}`
  }
  return withFraction(String(value))
}

const withFraction = (digits: string): string => (digits.includes('.') ? digits : `${digits}.0`)
