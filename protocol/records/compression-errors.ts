/** protocol/records: the two ways in which compressed records are refused. */
import { KafkaError } from '../errors.ts'
import type { Codec } from './record-batch.ts'

export function corrupt(codec: Codec, cause: unknown): KafkaError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new KafkaError('CORRUPT_MESSAGE', `The records are not valid ${codec} data: ${reason}`)
}

export function tooLarge(codec: Codec, maxBytes: number): KafkaError {
  return new KafkaError('MESSAGE_TOO_LARGE', `The ${codec} batch decompresses to more than ${maxBytes} bytes`)
}
