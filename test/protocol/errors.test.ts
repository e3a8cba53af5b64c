import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../protocol/errors.ts'
import { ProtocolError } from '../../protocol/schema/index.ts'

describe('an error', () => {
  it('that is an answer has no stack, which would cost more than the answer', () => {
    expect(new KafkaError('UNKNOWN_TOPIC_OR_PARTITION').stack).not.toContain('\n    at ')
    expect(new ProtocolError('cut').stack).not.toContain('\n    at ')
  })

  it('that nobody expected says where it comes from, and so does any other after one that was', () => {
    expect(new KafkaError('UNKNOWN_SERVER_ERROR').stack).toContain('errors.test.ts')
    expect(new KafkaError('KAFKA_STORAGE_ERROR').stack).toContain('errors.test.ts')
    expect(new Error('a fault').stack).toContain('errors.test.ts')
  })
})
