import { describe, expect, it } from 'vitest'
import { fetch, listGroups } from '../../protocol/messages/index.ts'
import { handle } from '../../src/handlers/handler.ts'
import { ServedApi } from '../../src/server/served-apis.ts'
import { answer } from './serving.ts'

describe('an answer', () => {
  it('is a list of buffers with the size in front, in which record bytes are not copied', () => {
    const served = new ServedApi(handle(fetch, { serve: () => ({}), fail: () => ({}) }))
    const records = [Buffer.alloc(100_000, 1), Buffer.alloc(50_000, 2)]
    for (let round = 0; round < 3; round += 1) {
      const partitions = [{ partitionIndex: 0, errorCode: 0, highWatermark: 5, records }]
      const buffers = served.encode(12, 77, { responses: [{ topic: 't', partitions }] })
      expect(buffers).toContain(records[0])
      expect(buffers).toContain(records[1])
      const bytes = Buffer.concat(buffers)
      expect(bytes.readInt32BE(0)).toBe(bytes.length - 4)
      expect(answer(fetch, 12, bytes.subarray(4)).correlationId).toBe(77)
    }
  })

  it('has its size also when it is larger than the one before', () => {
    const served = new ServedApi(handle(listGroups, { serve: () => ({}), fail: () => ({}) }))
    for (const count of [0, 3, 2000, 1]) {
      const groups = Array.from({ length: count }, (_, index) => ({ groupId: `group-${index}`, protocolType: '' }))
      const bytes = Buffer.concat(served.encode(4, 1, { groups }))
      expect(bytes.readInt32BE(0)).toBe(bytes.length - 4)
      const { body } = answer<{ groups: unknown[] }>(listGroups, 4, bytes.subarray(4))
      expect(body.groups).toHaveLength(count)
    }
  })
})
