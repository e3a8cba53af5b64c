/** runtime: the logger that every room is handed; pino's shape, so that main.ts can hand in pino itself. */

export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  /** As pino has it; a logger without it is taken for one that leaves debug out. */
  isLevelEnabled?(level: string): boolean
  /** Below this nothing is written: a name of pino's. Set to change it; absent where all is written, or nothing. */
  level?: string
}

/** Says nothing: the library's default and the tests'. */
export const silentLogger: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
