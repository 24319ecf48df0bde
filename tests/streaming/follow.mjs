// Asks through the AI SDK's transport and reads with its reader. One line per turn: the message as the SDK has it at the
// end, how many states of it the SDK showed, and the problems that it was told.
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.env.NODE_MODULES, "from-here.js"));
const { DefaultChatTransport, readUIMessageStream } = require("ai");

const transport = (token) => new DefaultChatTransport({
  api: process.env.API,
  headers: { authorization: `Bearer ${token}`, accept: "text/event-stream; protocol=ui-message" },
  prepareSendMessagesRequest: ({ messages, headers }) => ({
    headers,
    body: {
      message: messages.at(-1).parts.filter((part) => part.type === "text").map((part) => part.text).join(""),
      conversation_id: messages.findLast((message) => message.role === "assistant")?.metadata?.conversation_id,
    },
  }),
});

const messages = [];
for (const token of [process.env.TOKEN, process.env.TOKEN, process.env.TOKEN, "nobody"]) {
  const parts = [{ type: "text", text: "What is the maximum hardness of a weld?" }];
  messages.push({ id: `asked-${messages.length}`, role: "user", parts });
  const errors = [], onError = (error) => errors.push(JSON.parse(error.message));
  let message = null, states = 0;
  try {
    const stream = await transport(token).sendMessages({
      chatId: "chat", messages, trigger: "submit-message", messageId: undefined, abortSignal: undefined,
    });
    for await (const state of readUIMessageStream({ stream, onError })) {
      message = state;
      states += 1;
    }
    messages.push(message);
  } catch (error) {
    onError(error);
  }
  console.log(JSON.stringify({ message, states, errors }));
}
