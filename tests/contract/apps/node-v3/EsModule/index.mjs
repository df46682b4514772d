await null;
export default async function (context, event) {
  context.log(`module ${event.Value}`);
}
