/** config: what is thrown for a setting that can't be used. Its message is one line, meant for whoever wrote the setting. */

export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** A setting that Kafka answers with INVALID_REQUEST, where most are INVALID_CONFIG. */
export class ConfigRequestError extends ConfigError {}

/** Kafka's wording for a value that its type or its range refuses. */
export function invalidValue(name: string, value: unknown, problem: string): ConfigError {
  return new ConfigError(`Invalid value ${value} for configuration ${name}: ${problem}`)
}
