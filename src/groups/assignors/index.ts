/** groups/assignors: the room's public face, and the package's `odradek/assignors`. */
export type {
  Assignment,
  ClientAssignor,
  PreviousAssignment,
  Subscription,
  Subscriptions,
  TopicPartitions,
} from './client-assignor.ts'
export { topicsView } from './client-assignor.ts'
export { clientAssignors } from './client-assignors.ts'
export { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './consumer-protocol.ts'
export type {
  KafkaJsAssigner,
  KafkaJsCluster,
  KafkaJsMember,
  KafkaJsOptions,
  KafkaJsPartitionAssigner,
} from './kafkajs.ts'
export { kafkaJsAssigner, kafkaJsAssigners } from './kafkajs.ts'
export { rangeAssignor } from './range-assignor.ts'
export { roundRobinAssignor } from './round-robin-assignor.ts'
export type { GroupSpec, MemberAssignment, MemberSpec, ServerAssignor, TopicsView } from './server-assignor.ts'
export { serverAssignors } from './server-assignors.ts'
export { cooperativeStickyAssignor, stickyAssignor } from './sticky-assignor.ts'
