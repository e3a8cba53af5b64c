/** protocol/schema: the one error that reading malformed bytes, or writing a value that a version can't hold, throws. */
export class ProtocolError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ProtocolError'
  }
}
