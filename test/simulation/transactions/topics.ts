/** What the transaction simulation's producers write to, and what they say that they have read: offsets are committed for it. */
export const dataTopic = 'data'
export const inputTopic = 'input'
