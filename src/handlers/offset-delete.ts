/** handlers: OffsetDelete: forgets offsets of topics that the group's members are not subscribed to (KIP-496). */
import { errorCode } from '../../protocol/errors.ts'
import { offsetDelete } from '../../protocol/messages/offset-delete.ts'
import { handle } from './handler.ts'

export const offsetDeleteHandler = handle(offsetDelete, {
  async serve({ groupId, topics }, { groups, cluster, access }) {
    access.require('Group', groupId, 'Delete')
    const unknown = errorCode('UNKNOWN_TOPIC_OR_PARTITION')
    const asked = topics.map(({ name, partitions }) => {
      const isAllowed = access.isAllowed('Topic', name, 'Read')
      const topic = isAllowed ? cluster.topics.byName(name) : undefined
      return {
        name,
        partitions: partitions.filter(({ partitionIndex }) => topic?.partitions[partitionIndex] !== undefined),
        refusal: isAllowed ? unknown : errorCode('TOPIC_AUTHORIZATION_FAILED'),
      }
    })
    const deleted = await groups.deleteOffsets({ groupId, topics: asked })
    return {
      topics: topics.map(({ name, partitions }, index) => {
        const codes = new Map(deleted[index]!.partitions.map((answer) => [answer.partitionIndex, answer.errorCode]))
        return {
          name,
          partitions: partitions.map(({ partitionIndex }) => ({
            partitionIndex,
            errorCode: codes.get(partitionIndex) ?? asked[index]!.refusal,
          })),
        }
      }),
    }
  },
  fail: (_request, errorCode) => ({ errorCode }),
})
