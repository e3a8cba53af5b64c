/** config: the form of a row in the config tables, and one constructor for each of Kafka's config types. */

import type { Effect } from './effects.ts'
import type { Validator } from './validators.ts'

/** Kafka's ConfigDef types; a LIST is written with commas, a CLASS is the name of a Java class. */
export type ConfigType = 'BOOLEAN' | 'STRING' | 'INT' | 'SHORT' | 'LONG' | 'DOUBLE' | 'LIST' | 'CLASS' | 'PASSWORD'

export interface ConfigDefinition<T = unknown> {
  readonly type: ConfigType
  /** What Odradek takes when nothing is set; null: no value. */
  readonly default: T
  /** Kafka's own default where ours differs. */
  readonly kafkaDefault?: T | 'required' | undefined
  readonly valid?: Validator | undefined
  readonly importance: 'HIGH' | 'MEDIUM' | 'LOW'
  /** Whether a broker config may change while the broker runs: never, for one broker, or also for all at once. */
  readonly updateMode: 'read-only' | 'per-broker' | 'cluster-wide'
  /** Left out of DescribeConfigs and the documentation until somebody sets it. */
  readonly internal: boolean
  /** For topic and group configs: the broker configs that give the default, the first one set wins. */
  readonly brokerSynonyms: readonly string[]
  readonly effect: Effect
  readonly documentation: string
}

export type ConfigTable = Readonly<Record<string, ConfigDefinition>>

/** The TypeScript type of a row's value: `number` for an INT, `readonly string[]` for a LIST, with null where null is the default. */
export type ConfigValue<D> = D extends ConfigDefinition<infer T> ? T : never

type Details<T> = Pick<ConfigDefinition, 'effect' | 'documentation'> &
  Partial<Pick<ConfigDefinition<T>, 'valid' | 'importance' | 'updateMode' | 'internal' | 'brokerSynonyms'>> & {
    kafkaDefault?: NoInfer<T> | 'required'
  }

type Constructor<T> = <D extends T | null>(
  byDefault: D,
  details: Details<T>,
) => ConfigDefinition<D extends null ? T | null : T>

function ofType<T>(type: ConfigType): Constructor<T> {
  return (byDefault, details) => ({
    type,
    default: byDefault as never,
    importance: 'MEDIUM',
    updateMode: 'read-only',
    internal: false,
    brokerSynonyms: [],
    ...(details as Details<never>),
  })
}

export const boolean = ofType<boolean>('BOOLEAN')
export const string = ofType<string>('STRING')
export const int = ofType<number>('INT')
export const short = ofType<number>('SHORT')
/** Read as a number: exact up to 2^53, and Java's largest long as 2^63. */
export const long = ofType<number>('LONG')
export const double = ofType<number>('DOUBLE')
export const list = ofType<readonly string[]>('LIST')
export const javaClass = ofType<string>('CLASS')
export const password = ofType<string>('PASSWORD')

export const maxInt = 2 ** 31 - 1
/** Java's largest long, which in these tables means "never" or "without limit"; the nearest number to 2^63 - 1. */
export const maxLong = 2 ** 63
