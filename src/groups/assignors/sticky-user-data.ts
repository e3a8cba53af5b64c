/** groups/assignors: what `sticky` and `cooperative-sticky` put into the user data of a subscription. Source: Kafka's StickyAssignor. */
import { array, int32, Reader, string } from '../../../protocol/schema/index.ts'
import { stored } from '../../../protocol/state/index.ts'
import type { TopicPartitions } from './client-assignor.ts'

/** Version 0 is of clients before Kafka 2.3; nothing in the bytes tells the versions apart. */
const stickyUserData = stored('StickyAssignorUserData', {
  versions: '0-1',
  flexible: 'none',
  fields: {
    previousAssignment: array({ topic: string(), partitions: array(int32()) }),
    generation: int32({ versions: '1+', default: -1 }),
  },
})

const cooperativeStickyUserData = stored('CooperativeStickyAssignorUserData', {
  versions: '0',
  flexible: 'none',
  fields: { generation: int32({ default: -1 }) },
})

/** `generationId`: undefined where nothing was said of it. */
export interface Claim {
  readonly partitions: readonly TopicPartitions[]
  readonly generationId: number | undefined
}

export function encodeStickyUserData(partitions: readonly TopicPartitions[], generationId: number): Buffer {
  const previousAssignment = partitions.map(({ topic, partitions: of }) => ({ topic, partitions: [...of] }))
  return stickyUserData.encodeBody(1, { previousAssignment, generation: generationId })
}

/** What can't be read claims nothing. */
export function decodeStickyUserData(userData: Buffer): Claim {
  for (const version of [1, 0]) {
    try {
      const { previousAssignment, generation } = stickyUserData.codec(version).decode(new Reader(userData))
      return { partitions: previousAssignment, generationId: version === 1 ? generation : undefined }
    } catch {
      // of the older version, or of another kind
    }
  }
  return { partitions: [], generationId: -1 }
}

export function encodeCooperativeStickyUserData(generationId: number): Buffer {
  return cooperativeStickyUserData.encodeBody(0, { generation: generationId })
}

export function decodeCooperativeStickyGeneration(userData: Buffer): number {
  try {
    return cooperativeStickyUserData.codec(0).decode(new Reader(userData)).generation
  } catch {
    return -1
  }
}
