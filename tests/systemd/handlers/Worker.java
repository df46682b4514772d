import java.io.DataInputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** The smallest worker in Java: as worker.js. Its socket is its standard input and output: Java opens no inherited one. */
public final class Worker {
  private static final int HELLO = 1, WELCOME = 2, BATCH = 3, ACK = 4, DRAIN = 7, PING = 8, PONG = 9, BYE = 11;
  private static final FileOutputStream out = new FileOutputStream(FileDescriptor.out);

  private static void send(int type, long id, byte[] payload) throws IOException {
    ByteBuffer frame = ByteBuffer.allocate(16 + payload.length).order(ByteOrder.LITTLE_ENDIAN);
    frame.putInt(payload.length).putInt(type).putLong(id).put(payload);
    out.write(frame.array());
  }

  private static byte[] json(String text) {
    return (text + " ".repeat((8 - text.length() % 8) % 8)).getBytes(StandardCharsets.US_ASCII);
  }

  // Hot enough to be compiled.
  private static int work() {
    int sum = 0;
    for (int i = 0; i < 20_000_000; i++) sum = sum * 31 + i;
    return sum;
  }

  public static void main(String[] args) throws IOException {
    DataInputStream in = new DataInputStream(new FileInputStream(FileDescriptor.in));
    send(HELLO, 0, json("{\"protocol\":{\"min\":1,\"max\":1},\"sdk\":\"smallest/0\",\"pid\":" + ProcessHandle.current().pid()
        + ",\"concurrency\":1,\"credit\":{\"records\":1000,\"bytes\":1048576},\"features\":[]}"));
    byte[] head = new byte[16];
    while (true) {
      in.readFully(head);
      ByteBuffer fields = ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN);
      in.readFully(new byte[fields.getInt(0)]);
      long id = fields.getLong(8);
      switch (head[4]) {
        case WELCOME -> System.err.println("hot loop: " + work());
        case BATCH -> send(ACK, id, new byte[8]);
        case PING -> send(PONG, id, new byte[0]);
        case DRAIN -> {
          send(BYE, 0, json("{\"code\":\"drained\",\"message\":\"\"}"));
          return;
        }
        default -> { }
      }
    }
  }
}
