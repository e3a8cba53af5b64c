/** protocol/schema: the one error that reading malformed bytes, or writing a value that a version can't hold, throws. Whoever sends such bytes sends many: it has no stack. */
export class ProtocolError extends Error {
  constructor(message: string) {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(message)
    Error.stackTraceLimit = stackTraceLimit
    this.name = 'ProtocolError'
  }
}
