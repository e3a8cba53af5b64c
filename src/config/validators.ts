/** config: the ranges and forms that Kafka's ConfigDef validators allow, with their wording. */

import { ConfigError, invalidValue } from './config-error.ts'
import { formatDouble } from './values.ts'

export interface Validator {
  /** As Kafka's documentation writes it. */
  readonly text: string
  /** A list in which a value that comes twice counts once. */
  readonly dropsDuplicates?: boolean
  /** For a parsed value that is not null. @throws ConfigError */
  check(name: string, value: unknown, type: string): void
}

const written = (value: unknown, type: string): unknown => (type === 'DOUBLE' ? formatDouble(value as number) : value)

export function atLeast(smallest: number): Validator {
  return between(smallest, Number.POSITIVE_INFINITY)
}

export function between(smallest: number, largest: number): Validator {
  return {
    text: largest === Number.POSITIVE_INFINITY ? `[${smallest},...]` : `[${smallest},...,${largest}]`,
    check(name, value, type) {
      if ((value as number) < smallest)
        throw invalidValue(name, written(value, type), `Value must be at least ${smallest}`)
      if ((value as number) > largest)
        throw invalidValue(name, written(value, type), `Value must be no more than ${largest}`)
    },
  }
}

export const gzipLevel: Validator = {
  text: '[1,...,9] or -1',
  check(name, value) {
    const level = value as number
    if (level !== -1 && (level < 1 || level > 9))
      throw invalidValue(name, value, 'Value must be between 1 and 9 or equal to -1')
  },
}

export function oneOf(...allowed: string[]): Validator {
  return {
    text: `[${allowed.join(', ')}]`,
    check(name, value) {
      if (!allowed.includes(value as string))
        throw invalidValue(name, value, `String must be one of: ${allowed.join(', ')}`)
    },
  }
}

export function oneOfAnyCase(...allowed: string[]): Validator {
  return {
    text: `(case insensitive) [${allowed.join(', ')}]`,
    check(name, value) {
      if (!allowed.includes((value as string).toUpperCase()))
        throw invalidValue(name, value, `String must be one of (case insensitive): ${allowed.join(', ')}`)
    },
  }
}

export const nonEmptyString: Validator = {
  text: 'non-empty string',
  check(name, value) {
    if (value === '') throw invalidValue(name, value, 'String must be non-empty')
  },
}

export const nonNullString: Validator = { text: 'non-null string', check() {} }

/** A list of `allowed` values, any when that is empty. */
export function listOf(allowed: readonly string[], mayBeEmpty?: 'may be empty'): Validator {
  const choice = oneOf(...allowed)
  return {
    text: allowed.length > 0 ? choice.text : mayBeEmpty ? '' : 'non-empty list',
    dropsDuplicates: true,
    check(name, value) {
      const items = value as readonly string[]
      if (items.length === 0 && !mayBeEmpty) {
        const valid = allowed.length > 0 ? choice.text : 'any non-empty value'
        throw new ConfigError(`Configuration '${name}' must not be empty. Valid values include: ${valid}`)
      }
      for (const item of items) {
        if (item === '') throw new ConfigError(`Configuration '${name}' values must not be empty.`)
        if (allowed.length > 0) choice.check(name, item, 'STRING')
      }
    },
  }
}

export const anyList = listOf([], 'may be empty')
export const nonEmptyList = listOf([])

export const quorumVoters: Validator = {
  text: 'non-empty list',
  check(name, value) {
    for (const voter of value as readonly string[])
      if (!/^\d+@\[?[^\s@]+?\]?:\d+$/.test(voter))
        throw new ConfigError(
          `Invalid configuration value for ${name}. Each entry should be in the form \`{id}@{host}:{port}\`.`,
        )
  },
}

export const bootstrapServers: Validator = {
  text: 'non-empty list',
  check(name, value) {
    for (const server of value as readonly string[])
      if (!/^(\w+:\/\/)?\[?[0-9a-zA-Z\-%._:]+\]?:\d+$/.test(server))
        throw new ConfigError(
          `Failed to parse host name from ${server} for the configuration ${name}. ` +
            'Each entry should be in the form "{host}:{port}"',
        )
  },
}

export const throttledReplicas: Validator = {
  text: '[partitionId]:[brokerId],[partitionId]:[brokerId],...',
  check(name, value) {
    const items = value as readonly string[]
    if (items.length === 1 && items[0] === '*') return
    if (!items.every((item) => /^\d+:\d+$/.test(item)))
      throw invalidValue(
        name,
        `[${items.join(', ')}]`,
        `${name} must be the literal '*' or a list of replicas in the following format: ${this.text}`,
      )
  },
}

const isoDuration = /^P(?=.)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$/i

export const shareAutoOffsetReset: Validator = {
  text: '[latest, earliest, by_duration:PnDTnHnMn.nS]',
  check(name, value) {
    const strategy = value as string
    if (strategy === 'latest' || strategy === 'earliest') return
    if (strategy.startsWith('by_duration:') && isoDuration.test(strategy.slice('by_duration:'.length))) return
    throw invalidValue(
      name,
      strategy,
      `Invalid value \`${strategy}\` for configuration ${name}. ` +
        "The value must be either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.",
    )
  },
}
