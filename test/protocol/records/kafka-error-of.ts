import { type ErrorName, KafkaError } from '../../../protocol/errors.ts'

/** The KafkaError that `run` throws; undefined if it returns. Any other exception passes through. */
export function kafkaErrorOf(run: () => unknown): ErrorName | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    if (error instanceof KafkaError) return error.kafkaError
    throw error
  }
}
